// free() and realloc() of the programs: what is given back is wiped first. A value passes through
// many buffers on its way (bodies, headers, JSON, records of TLS; cpprest's, simdjson's, OpenSSL's,
// GnuTLS's, libmicrohttpd's, libcurl's), and none of them leaves it behind in free memory. C++'s
// operator delete and the shared libraries end here too, as a program's own symbols come before
// libc's. Linked into both programs and no library. Any thread. Sanitizers bring an allocator of
// their own, which does not let others in. Source of __libc_free: glibc's malloc.c, whose allocator
// this remains.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <malloc.h>

#include <cstdlib>
#include <cstring>

#include "base/secret_string.hpp"

extern "C" {

void __libc_free(void* block);

void free(void* block) noexcept {
  if (block == nullptr) return;
  apitoken::wipe(block, malloc_usable_size(block));
  __libc_free(block);
}

// glibc's own would leave the bytes where they were when it moves a block.
void* realloc(void* block, std::size_t size) noexcept {
  if (block == nullptr) return std::malloc(size);
  if (size == 0) {
    free(block);
    return nullptr;
  }
  const std::size_t held = malloc_usable_size(block);
  if (size <= held && size >= held / 2) return block;
  void* const moved = std::malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, size < held ? size : held);
  free(block);
  return moved;
}
}

#endif
