// Reads ahead from the socket of a TLS connection.
#include "serve/tls_reader.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace apitoken::serve {

void TlsReader::read_for(gnutls_session_t session) {
  const auto pull = +[](gnutls_transport_ptr_t self, void* to, std::size_t size) {
    return static_cast<TlsReader*>(self)->read(to, size);
  };
  gnutls_transport_set_ptr2(session, this,
                            reinterpret_cast<void*>(static_cast<std::intptr_t>(socket_)));
  gnutls_transport_set_pull_function(session, pull);
}

ssize_t TlsReader::read(void* to, std::size_t size) {
  if (begin_ == end_) {
    if (size >= bytes_.size()) return ::recv(socket_, to, size, 0);
    const auto got = ::recv(socket_, bytes_.data(), bytes_.size(), 0);
    if (got <= 0) return got;
    begin_ = 0;
    end_ = static_cast<std::size_t>(got);
  }
  const auto count = std::min(size, end_ - begin_);
  std::memcpy(to, bytes_.data() + begin_, count);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

}  // namespace apitoken::serve
