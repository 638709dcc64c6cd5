#include "base/heap_trimmer.hpp"

#include <malloc.h>

#include <algorithm>

namespace apitoken {

bool HeapTrimmer::look() {
  const std::size_t free = mallinfo2().fordblks;
  if (free < left_ + kWorthIt) {
    left_ = std::min(left_, free);
    return false;
  }
  malloc_trim(0);
  left_ = mallinfo2().fordblks;
  return true;
}

}  // namespace apitoken
