// ListeningSocket: a TCP socket that listens on a flag's address, until a server takes it over. The
// servers' start() opens it, on app's thread.
#pragma once

#include <utility>

#include "serve/bind_address.hpp"

namespace apitoken::serve {

class ListeningSocket {
 public:
  // Errors are for the user and begin with `flag` ("--metrics-bind-address :8080: Address already
  // in use"): Invalid if `text` is not an address, Unavailable if it cannot be listened on.
  static Result<ListeningSocket> open(std::string_view flag, std::string_view text);

  ListeningSocket(ListeningSocket&& other) noexcept
      : fd_(other.release()), address_(std::move(other.address_)) {}
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();

  int get() const { return fd_; }
  // Gives the descriptor away: the caller closes it.
  int release() { return std::exchange(fd_, -1); }
  // Whether only this machine can connect.
  bool is_loopback() const;
  // Where it listens; for port 0, with the port that the system chose.
  const BindAddress& address() const { return address_; }

 private:
  ListeningSocket(int fd, BindAddress address) : fd_(fd), address_(std::move(address)) {}

  int fd_;
  BindAddress address_;
};

}  // namespace apitoken::serve
