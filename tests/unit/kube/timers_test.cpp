#include "kube/timers.hpp"

#include <gtest/gtest.h>

#include <string>

namespace apitoken::kube {
namespace {

TEST(Timers, OfTwoInstantsForAKeyTheEarlierCounts) {
  Timers<std::string, int> timers;
  EXPECT_TRUE(timers.set("a", 10));
  EXPECT_FALSE(timers.set("a", 20));
  EXPECT_TRUE(timers.set("a", 5));
  EXPECT_EQ(timers.first(), 5);
  EXPECT_FALSE(timers.take_due(4));
  EXPECT_EQ(timers.take_due(5), "a");
  EXPECT_FALSE(timers.take_due(100));
  EXPECT_TRUE(timers.empty());
}

TEST(Timers, SaysWhetherANewOneIsTheFirstOfAll) {
  Timers<std::string, int> timers;
  EXPECT_TRUE(timers.set("a", 10));
  EXPECT_FALSE(timers.set("b", 20));
  EXPECT_TRUE(timers.set("c", 5));
  EXPECT_EQ(timers.take_due(50), "c");
  EXPECT_EQ(timers.take_due(50), "a");
  EXPECT_EQ(timers.take_due(50), "b");
}

TEST(Timers, ACancelledKeyIsGone) {
  Timers<std::string, int> timers;
  timers.set("a", 10);
  timers.set("b", 10);
  timers.cancel("a");
  timers.cancel("never");
  EXPECT_EQ(timers.take_due(50), "b");
  EXPECT_EQ(timers.first(), std::nullopt);
}

}  // namespace
}  // namespace apitoken::kube
