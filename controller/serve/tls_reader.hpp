// TlsReader: reads the bytes of a TLS connection from its socket for GnuTLS. GnuTLS asks for the
// five bytes of a record's header and then for the rest of the record, each by a system call of its
// own; this reads what is there at once. Used by the thread of its connection alone. Source:
// https://www.gnutls.org/manual/html_node/Setting-up-the-transport-layer.html
#pragma once

#include <gnutls/gnutls.h>

#include <array>
#include <cstddef>

namespace apitoken::serve {

class TlsReader {
 public:
  explicit TlsReader(int socket) : socket_(socket) {}

  // `session` reads through this from now on, and writes to the socket as before. This must outlive
  // the last read.
  void read_for(gnutls_session_t session);

  // As recv() without flags: may give fewer bytes than `size`, 0 at the end, -1 and errno.
  ssize_t read(void* to, std::size_t size);

 private:
  int socket_;
  std::array<char, 2048> bytes_{};  // still encrypted; most requests are smaller
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace apitoken::serve
