// RawClient: a TCP client that sends exactly the given bytes, as no HTTP library would. For tests.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace apitoken::test {

class RawClient {
 public:
  // `source` is its own address; all of 127.0.0.0/8 belong to this machine.
  explicit RawClient(std::uint16_t port, const char* source = "127.0.0.1")
      : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    inet_pton(AF_INET, source, &from.sin_addr);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&from), sizeof from), 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  }
  RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient() {
    if (fd_ >= 0) close(fd_);
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // The bytes received until the server closes, until they contain `enough` (unless empty), or
  // until the time is up.
  std::string receive(std::string_view enough = {},
                      std::chrono::milliseconds at_most = std::chrono::seconds(10)) {
    std::string got;
    const auto until = std::chrono::steady_clock::now() + at_most;
    std::size_t searched = 0;  // without what was searched before: megabytes come in small pieces
    while (enough.empty() || got.find(enough, searched) == got.npos) {
      searched = got.size() - std::min(got.size(), enough.size());
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      pollfd readable{fd_, POLLIN, 0};
      if (poll(&readable, 1, static_cast<int>(std::max(left.count(), 0L))) <= 0) break;
      char block[4096];
      const auto size = recv(fd_, block, sizeof block, 0);
      if (size <= 0) {
        closed_ = true;
        break;
      }
      got.append(block, static_cast<std::size_t>(size));
    }
    return got;
  }

  // Whether the server closes the connection within that time.
  bool is_closed(std::chrono::milliseconds at_most = std::chrono::milliseconds(0)) {
    if (!closed_) receive({}, at_most);
    return closed_;
  }

 private:
  int fd_;
  bool closed_ = false;
};

// The status of the first answer in `text`; 0 if there is none.
inline int status_of(const std::string& text) {
  return text.starts_with("HTTP/1.") && text.size() > 12 ? std::stoi(text.substr(9, 3)) : 0;
}

}  // namespace apitoken::test
