#include "kube/timers.hpp"

#include <gtest/gtest.h>

#include <string>

namespace apitoken::kube {
namespace {

using TestTimers = Timers<std::string, int, int>;

std::optional<std::string> take(TestTimers& timers, int now) {
  const auto due = timers.take_due(now);
  return due ? std::optional(due->key) : std::nullopt;
}

TEST(Timers, TheTagOfTheEarlierInstantCountsElseTheSmallerTag) {
  TestTimers timers;
  timers.set("a", 10, 0);
  timers.set("a", 5, 2);
  EXPECT_EQ(timers.take_due(5)->tag, 2);
  timers.set("b", 7, 2);
  timers.set("b", 7, 1);
  timers.set("b", 7, 2);
  EXPECT_EQ(timers.take_due(7)->tag, 1);
}

TEST(Timers, OfTwoInstantsForAKeyTheEarlierCounts) {
  TestTimers timers;
  EXPECT_TRUE(timers.set("a", 10, 0));
  EXPECT_FALSE(timers.set("a", 20, 0));
  EXPECT_TRUE(timers.set("a", 5, 0));
  EXPECT_EQ(timers.first(), 5);
  EXPECT_FALSE(timers.take_due(4));
  EXPECT_EQ(take(timers, 5), "a");
  EXPECT_FALSE(timers.take_due(100));
  EXPECT_TRUE(timers.empty());
}

TEST(Timers, ReportsWhetherTheTimerThatWasSetIsTheFirst) {
  TestTimers timers;
  EXPECT_TRUE(timers.set("a", 10, 0));
  EXPECT_FALSE(timers.set("b", 20, 0));
  EXPECT_TRUE(timers.set("c", 5, 0));
  EXPECT_EQ(take(timers, 50), "c");
  EXPECT_EQ(take(timers, 50), "a");
  EXPECT_EQ(take(timers, 50), "b");
}

TEST(Timers, ACancelledKeyIsGone) {
  TestTimers timers;
  timers.set("a", 10, 0);
  timers.set("b", 10, 0);
  timers.cancel("a");
  timers.cancel("never");
  EXPECT_EQ(take(timers, 50), "b");
  EXPECT_EQ(timers.first(), std::nullopt);
}

}  // namespace
}  // namespace apitoken::kube
