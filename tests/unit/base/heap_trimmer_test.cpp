#include "base/heap_trimmer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

namespace apitoken {
namespace {

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which replace the allocator

TEST(HeapTrimmer, GivesTheMemoryOfManySmallObjectsBack) {
  HeapTrimmer trimmer;
  trimmer.look();
  std::vector<std::string> objects;
  for (int i = 0; i < 100'000; ++i) objects.emplace_back(400, 'x');
  // It holds the top of the heap, so that free() alone gives nothing back.
  const auto last = std::make_unique<std::string>(400, 'y');
  const auto full = resident_bytes();
  objects = {};
  EXPECT_TRUE(trimmer.look());
  EXPECT_LT(resident_bytes(), full - 30'000'000);
  EXPECT_FALSE(trimmer.look()) << "nothing was freed since";
}

TEST(HeapTrimmer, GivesMemoryBackWhileObjectsGoLittleByLittle) {
  HeapTrimmer trimmer;
  std::vector<std::string> objects;
  for (int i = 0; i < 100'000; ++i) objects.emplace_back(400, 'x');
  const auto last = std::make_unique<std::string>(400, 'y');
  const auto full = resident_bytes();
  trimmer.look();
  for (const std::size_t left : {60'000, 20'000, 0}) {
    objects.resize(left);
    EXPECT_TRUE(trimmer.look()) << left << " left";
  }
  EXPECT_LT(resident_bytes(), full - 30'000'000);
}

// The heap has as much free memory before as after, but the kernel has less.
TEST(HeapTrimmer, GivesMemoryBackThatWasUsedOnceMoreAfterATrim) {
  HeapTrimmer trimmer;
  const auto last = [] {
    std::vector<std::string> objects;
    for (int i = 0; i < 100'000; ++i) objects.emplace_back(400, 'x');
    return std::make_unique<std::string>(400, 'y');
  }();
  trimmer.look();
  const auto trimmed = resident_bytes();
  {
    std::vector<std::string> objects;
    for (int i = 0; i < 90'000; ++i) objects.emplace_back(400, 'x');
  }
  EXPECT_GT(resident_bytes(), trimmed + 20'000'000) << "the case does not occur";
  EXPECT_TRUE(trimmer.look());
  EXPECT_LT(resident_bytes(), trimmed + 4'000'000);
}

#endif

}  // namespace
}  // namespace apitoken
