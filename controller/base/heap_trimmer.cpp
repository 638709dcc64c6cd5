// Asks glibc for the heap's free memory.
#include "base/heap_trimmer.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace apitoken {
namespace {

// Memory of the process in RAM, without pages of files, that no object uses: free heap, and a
// constant amount for stacks. Source: proc_pid_statm(5), mallinfo(3).
std::size_t unused_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::size_t of_files = 0;
  std::ifstream("/proc/self/statm") >> total >> resident >> of_files;
  const auto bytes = (resident - of_files) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto heap = mallinfo2();
  return bytes - std::min(bytes, heap.uordblks + heap.hblkhd);
}

}  // namespace

bool HeapTrimmer::look() {
  const std::size_t unused = unused_bytes();
  unused_ = std::min(unused_, unused);
  if (unused < unused_ + kWorthIt) return false;
  malloc_trim(0);
  unused_ = unused_bytes();
  return true;
}

}  // namespace apitoken
