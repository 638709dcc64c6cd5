#include "serve/review_budget.hpp"

#include <gtest/gtest.h>

namespace apitoken::serve {
namespace {

using Kind = ReviewBudget::Kind;

const SteadyTime kStart{std::chrono::hours(1)};

class ReviewBudgetTest : public testing::Test {
 protected:
  int taken(Kind kind, std::string_view source, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += budget.take(kind, source, now);
    return count;
  }

  ReviewBudget budget;
  SteadyTime now = kStart;
};

TEST(SourceOf, IsTheSubnetOfAnIpv6ClientWhoHasAllOfIt) {
  EXPECT_EQ(source_of("2001:db8:0:1:aaaa::1"), "2001:db8:0:1::/64");
  EXPECT_EQ(source_of("2001:db8:0:1::2"), source_of("2001:db8:0:1:ffff:ffff:ffff:ffff"));
  EXPECT_NE(source_of("2001:db8:0:1::2"), source_of("2001:db8:0:2::2"));
}

TEST(SourceOf, IsTheAddressOfAnyOtherClient) {
  for (const char* address : {"192.0.2.7", "", "unknown"}) EXPECT_EQ(source_of(address), address);
  EXPECT_EQ(source_of("::ffff:192.0.2.7"), "192.0.2.7");
}

TEST_F(ReviewBudgetTest, OneSourceUsesUpItsOwnPart) {
  EXPECT_EQ(taken(Kind::Opaque, "mallory", 1000), ReviewBudget::kSourceBurst);
  EXPECT_EQ(taken(Kind::Opaque, "alice", 1), 1);
  now += std::chrono::seconds(1);
  EXPECT_EQ(taken(Kind::Opaque, "mallory", 1000), ReviewBudget::kSourcePerSecond);
}

TEST_F(ReviewBudgetTest, WhatIsEasyToMakeUpLeavesTheRestAlone) {
  for (int i = 0; i < 100; ++i) taken(Kind::Opaque, "source " + std::to_string(i), 100);
  EXPECT_EQ(taken(Kind::Opaque, "alice", 1), 0) << "all together have had enough";
  for (int i = 0; i < 100; ++i) taken(Kind::Jwt, "source " + std::to_string(i), 100);
  EXPECT_EQ(taken(Kind::Jwt, "alice", 1), 0);
  EXPECT_EQ(taken(Kind::ProvenJwt, "source 1", 1), 1)
      << "the same address, and a key that is known";
}

TEST_F(ReviewBudgetTest, AllSourcesTogetherHaveABound) {
  int count = 0;
  for (int i = 0; i < 5000; ++i) count += taken(Kind::Jwt, "source " + std::to_string(i), 5);
  EXPECT_EQ(count, ReviewBudget::kBurst) << "though sources are forgotten meanwhile";
}

TEST_F(ReviewBudgetTest, ARefusalTakesNothingOfTheOthers) {
  taken(Kind::Opaque, "mallory", 10'000);
  EXPECT_EQ(taken(Kind::Opaque, "alice", 1000), ReviewBudget::kBurst - ReviewBudget::kSourceBurst);
}

TEST_F(ReviewBudgetTest, TheReserveIsApart) {
  for (int i = 0; i < 1000; ++i) taken(Kind::ProvenJwt, "source " + std::to_string(i), 10);
  int count = 0;
  for (int i = 0; i < 1000; ++i) count += budget.take_reserve(now);
  EXPECT_EQ(count, ReviewBudget::kReserveBurst);
}

TEST_F(ReviewBudgetTest, OneSourceLeavesPlacesToWaitIn) {
  for (std::size_t i = 0; i < ReviewBudget::kMaxWaiting; ++i)
    EXPECT_TRUE(budget.enter("mallory", now));
  EXPECT_FALSE(budget.enter("mallory", now));
  EXPECT_TRUE(budget.enter("alice", now));
  for (std::size_t i = 0; i < 2 * ReviewBudget::kMaxSources; ++i)
    budget.take(Kind::Jwt, std::to_string(i), now);
  EXPECT_FALSE(budget.enter("mallory", now)) << "who waits is not forgotten";
  budget.leave("mallory");
  EXPECT_TRUE(budget.enter("mallory", now));
}

}  // namespace
}  // namespace apitoken::serve
