#include "portal/try_limit.hpp"

#include <gtest/gtest.h>

namespace apitoken::portal {
namespace {

using std::chrono::milliseconds;
constexpr SteadyTime kStart{std::chrono::hours(1)};

TEST(TryLimit, TheEleventhTryInAMinuteWaits) {
  TryLimit limit;
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(limit.take("192.0.2.1", kStart + Seconds(i)), Seconds(0)) << i;
  EXPECT_EQ(limit.take("192.0.2.1", kStart + Seconds(10)), Seconds(50));
  EXPECT_EQ(limit.take("192.0.2.1", kStart + milliseconds(59'999)), Seconds(1));
  EXPECT_EQ(limit.take("192.0.2.1", kStart + Seconds(60)), Seconds(0));
  EXPECT_EQ(limit.take("192.0.2.1", kStart + Seconds(60)), Seconds(1));
}

TEST(TryLimit, ARefusedTryDoesNotProlongTheWait) {
  TryLimit limit;
  for (int i = 0; i < 100; ++i) limit.take("192.0.2.1", kStart);
  EXPECT_EQ(limit.take("192.0.2.1", kStart + Seconds(60)), Seconds(0));
}

TEST(TryLimit, EachAddressHasItsOwn) {
  TryLimit limit;
  for (int i = 0; i < 11; ++i) limit.take("192.0.2.1", kStart);
  EXPECT_EQ(limit.take("192.0.2.2", kStart), Seconds(0));
}

TEST(TryLimit, MoreAddressesThanFitWaitUntilTheMinuteEnds) {
  TryLimit limit;
  for (std::size_t i = 0; i < TryLimit::kMaxAddresses; ++i)
    ASSERT_EQ(limit.take(std::to_string(i), kStart), Seconds(0));
  EXPECT_EQ(limit.take("new", kStart + Seconds(1)), Seconds(60));
  EXPECT_EQ(limit.take("7", kStart + Seconds(1)), Seconds(0));
  EXPECT_EQ(limit.take("new", kStart + Seconds(60)), Seconds(0));
}

}  // namespace
}  // namespace apitoken::portal
