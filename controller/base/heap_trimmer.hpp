// HeapTrimmer: gives free memory of the heap back to the kernel, after work that needed much of it
// for a short time: deletion of very many objects, a burst of reminders. The owner calls look()
// every few seconds, on one thread. Linux and glibc; with another allocator nothing happens.
#pragma once

#include <cstddef>

namespace apitoken {

class HeapTrimmer {
 public:
  // Trims if the memory that is in RAM but not in use has grown by this since the last trim. The
  // heap's own count of free bytes does not tell: memory that was given back, used again and freed
  // again is free before and after.
  static constexpr std::size_t kWorthIt = 1024 * 1024;

  // True if it trimmed. Takes milliseconds then, and microseconds otherwise.
  bool look();

 private:
  std::size_t unused_ = 0;  // bytes after the last trim, or fewer since: holes between objects
};

}  // namespace apitoken
