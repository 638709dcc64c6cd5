#include "base/memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace apitoken {
namespace {

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which replace the allocator

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(Memory, AThreadsHeapKeepsLittleFreeMemoryEvenAfterLargeBlocks) {
  limit_free_heap();
  std::jthread([] {
    for (int i = 0; i < 3; ++i) std::string(8'000'000, 'x').shrink_to_fit();
    const auto before = resident_bytes();
    {
      std::vector<std::string> objects;
      objects.reserve(10'000);
      for (int i = 0; i < 10'000; ++i) objects.emplace_back(400, 'x');
      EXPECT_GT(resident_bytes(), before + 3'000'000);
    }
    EXPECT_LT(resident_bytes(), before + 1'000'000);
  }).join();
}

#endif

}  // namespace
}  // namespace apitoken
