// Sets glibc's limits.
#include "base/memory.hpp"

#include <malloc.h>

namespace apitoken {

// Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD. Either call ends the adjustment.
void limit_free_heap() {
  mallopt(M_MMAP_THRESHOLD, kLargeBlock);
  mallopt(M_TRIM_THRESHOLD, kLargeBlock);
}

}  // namespace apitoken
