// ListeningSocket: a TCP socket that listens where a flag says, until a server takes it over. The
// servers' start() calls it, on app's thread.
#pragma once

#include <utility>

#include "serve/bind_address.hpp"

namespace apitoken::serve {

class ListeningSocket {
 public:
  // `flag` is named in errors, which are meant for the user: "--metrics-bind-address :8080: Address
  // already in use". Errors: Invalid where `text` is no address, Unavailable where nothing can
  // listen there.
  static Result<ListeningSocket> open(std::string_view flag, std::string_view text);

  ListeningSocket(ListeningSocket&& other) noexcept
      : fd_(other.release()), address_(std::move(other.address_)) {}
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();

  int get() const { return fd_; }
  // The caller closes it.
  int release() { return std::exchange(fd_, -1); }
  // Whether only this machine reaches it.
  bool is_loopback() const;
  // With the port really taken.
  const BindAddress& address() const { return address_; }

 private:
  ListeningSocket(int fd, BindAddress address) : fd_(fd), address_(std::move(address)) {}

  int fd_;
  BindAddress address_;
};

}  // namespace apitoken::serve
