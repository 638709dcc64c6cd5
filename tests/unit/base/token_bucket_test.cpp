#include "base/token_bucket.hpp"

#include <gtest/gtest.h>

namespace apitoken {
namespace {

const SteadyTime kStart{std::chrono::hours(1)};

int taken(TokenBucket& bucket, SteadyTime now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += bucket.take(now);
  return count;
}

TEST(TokenBucket, AllowsABurstAndThenItsRate) {
  TokenBucket bucket(10, 20);
  EXPECT_EQ(taken(bucket, kStart, 100), 20);
  EXPECT_EQ(taken(bucket, kStart + std::chrono::milliseconds(99), 100), 0);
  EXPECT_EQ(taken(bucket, kStart + std::chrono::milliseconds(101), 100), 1);
  EXPECT_EQ(taken(bucket, kStart + std::chrono::milliseconds(1101), 100), 10);
}

TEST(TokenBucket, AllowsAtMostItsBurstAfterAPause) {
  TokenBucket bucket(10, 20);
  EXPECT_EQ(taken(bucket, kStart, 5), 5);
  EXPECT_EQ(taken(bucket, kStart + std::chrono::hours(24), 100), 20);
}

TEST(TokenBucket, HasOneCountsNoUse) {
  TokenBucket bucket(1, 1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.has_one(kStart));
  EXPECT_TRUE(bucket.take(kStart));
  EXPECT_FALSE(bucket.has_one(kStart));
}

}  // namespace
}  // namespace apitoken
