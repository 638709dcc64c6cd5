// HeapTrimmer: gives free memory of the heap back to the kernel, after work that needed much of it
// for a short time: deletion of very many objects, a burst of reminders. The owner calls look()
// every few seconds, on one thread. glibc; with another allocator nothing happens.
#pragma once

#include <cstddef>

namespace apitoken {

class HeapTrimmer {
 public:
  // Trims if the heap has this much more free memory than after the last trim.
  static constexpr std::size_t kWorthIt = 2 * 1024 * 1024;

  // True if it trimmed. Takes milliseconds then, and microseconds otherwise.
  bool look();

 private:
  std::size_t left_ = 0;  // free bytes after the last trim, or fewer since: holes between objects
};

}  // namespace apitoken
