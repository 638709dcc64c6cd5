// free() and realloc() of the programs, which wipe memory before they release it. A token value
// passes through many buffers (bodies, headers, JSON, TLS records; of cpprest, simdjson, OpenSSL,
// GnuTLS, libmicrohttpd and libcurl); none of them leaves it in free memory. C++'s operator delete
// and the shared libraries call these functions too, because a program's symbols come before
// libc's. Linked into the programs, not into a library. Any thread. Left out under sanitizers,
// which have their own allocator. The allocator remains glibc's; source of __libc_free: its
// malloc.c.
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

// glibc's realloc() would leave the bytes in the old block when it moves it.
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
