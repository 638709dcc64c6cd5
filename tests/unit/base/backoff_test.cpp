// Exponential backoff: grows, stops at its cap, never overflows.
#include "base/backoff.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace apitoken {
namespace {

using namespace std::chrono_literals;

constexpr Backoff kBackoff{500ms, 5min};

TEST(Backoff, DoublesUpToItsCap) {
  EXPECT_EQ(kBackoff.delay(0), 500ms);
  EXPECT_EQ(kBackoff.delay(1), 1s);
  EXPECT_EQ(kBackoff.delay(9), 256s);
  EXPECT_EQ(kBackoff.delay(10), 5min);
}

TEST(Backoff, StaysAtItsCapForEver) {
  for (const std::uint32_t failures :
       {29u, 30u, 31u, 32u, 63u, 64u, std::numeric_limits<std::uint32_t>::max()}) {
    EXPECT_EQ(kBackoff.delay(failures), 5min) << failures;
  }
}

TEST(Backoff, JitterAddsAtMostATenth) {
  for (std::uint32_t random = 0; random < 5000; random += 7) {
    const auto delay = kBackoff.jittered(2, random);
    ASSERT_GE(delay, 2s);
    ASSERT_LE(delay, 2200ms);
  }
}

}  // namespace
}  // namespace apitoken
