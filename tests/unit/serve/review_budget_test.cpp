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

TEST(SourceOf, IsTheSubnetOfAnIpv6Client) {
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

TEST_F(ReviewBudgetTest, TokensThatAreEasyToMakeUpUseNoOtherBudget) {
  for (int i = 0; i < 100; ++i) taken(Kind::Opaque, "source " + std::to_string(i), 100);
  EXPECT_EQ(taken(Kind::Opaque, "alice", 1), 0) << "the budget of all sources is used up";
  for (int i = 0; i < 100; ++i) taken(Kind::Jwt, "source " + std::to_string(i), 100);
  EXPECT_EQ(taken(Kind::Jwt, "alice", 1), 0);
  EXPECT_EQ(taken(Kind::ProvenJwt, "source 1", 1), 1) << "the same address with a known key";
}

TEST_F(ReviewBudgetTest, AllSourcesTogetherHaveALimit) {
  int count = 0;
  for (int i = 0; i < 5000; ++i) count += taken(Kind::Jwt, "source " + std::to_string(i), 5);
  EXPECT_EQ(count, ReviewBudget::kBurst) << "even if sources are removed meanwhile";
}

TEST_F(ReviewBudgetTest, ARefusalUsesNoBudgetOfOthers) {
  taken(Kind::Opaque, "mallory", 10'000);
  EXPECT_EQ(taken(Kind::Opaque, "alice", 1000), ReviewBudget::kBurst - ReviewBudget::kSourceBurst);
}

TEST_F(ReviewBudgetTest, TheReserveIsSeparate) {
  for (int i = 0; i < 1000; ++i) taken(Kind::ProvenJwt, "source " + std::to_string(i), 10);
  int count = 0;
  for (int i = 0; i < 1000; ++i) count += budget.take_reserve(now);
  EXPECT_EQ(count, ReviewBudget::kReserveBurst);
}

TEST_F(ReviewBudgetTest, OneSourceLeavesWaitingPlacesToOthers) {
  for (std::size_t i = 0; i < ReviewBudget::kMaxWaiting; ++i)
    EXPECT_TRUE(budget.enter("mallory", now));
  EXPECT_FALSE(budget.enter("mallory", now));
  EXPECT_TRUE(budget.enter("alice", now));
  for (std::size_t i = 0; i < 2 * ReviewBudget::kMaxSources; ++i)
    budget.take(Kind::Jwt, std::to_string(i), now);
  EXPECT_FALSE(budget.enter("mallory", now)) << "a source with a waiting review is not removed";
  budget.leave("mallory");
  EXPECT_TRUE(budget.enter("mallory", now));
}

}  // namespace
}  // namespace apitoken::serve
