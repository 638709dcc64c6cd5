// Objects that stay out of date pass after pass.
#include "reconcile/stale_views.hpp"

#include <gtest/gtest.h>

#include "support/captured_log.hpp"

namespace apitoken::reconcile {
namespace {

constexpr std::string_view kSaid = "an object stays out of date, all objects are listed again";
constexpr std::string_view kOver = "no object stays out of date any more";

class StaleViewsTest : public ::testing::Test {
 protected:
  void fail_often(const std::string& name, std::uint32_t passes) {
    for (std::uint32_t i = 0; i < passes; ++i)
      views_.failed({"team-a", name}, {ErrorKind::Conflict, "ApiToken moved on", {}});
  }
  double counted() const {
    for (const auto& family : registry_.Collect()) {
      if (family.name == "apitoken_stale_views_total") return family.metric.at(0).counter.value;
    }
    return -1;
  }

  kube::CapturedLog log_;
  prometheus::Registry registry_;
  serve::ControllerMetrics metrics_{registry_, "apitoken"};
  std::vector<std::string> relisted_;
  StaleViews views_{metrics_, [this](std::string_view ns) { relisted_.emplace_back(ns); }};
};

TEST_F(StaleViewsTest, AreNothingToSpeakOfWhileTheWatchMayCatchUp) {
  fail_often("ci", StaleViews::kMaxPasses - 1);
  views_.ended({"team-a", "ci"});
  fail_often("ci", StaleViews::kMaxPasses - 1);
  EXPECT_EQ(log_.text(), "");
  EXPECT_EQ(counted(), 0);
  EXPECT_TRUE(relisted_.empty());
}

TEST_F(StaleViewsTest, AreSaidOnceCountedAndListedUntilTheyEnd) {
  fail_often("ci", StaleViews::kMaxPasses + 2);
  EXPECT_EQ(log_.count(kSaid), 1);
  EXPECT_EQ(log_.count("ApiToken moved on; if this goes on, look for a webhook"), 1);
  EXPECT_EQ(log_.count("name=ci"), 1) << log_.text();
  EXPECT_EQ(counted(), 3);
  EXPECT_EQ(relisted_, std::vector<std::string>(3, "team-a"));
  EXPECT_EQ(log_.count(kOver), 0);
  views_.ended({"team-a", "ci"});
  views_.ended({"team-a", "ci"});
  EXPECT_EQ(log_.count(kOver), 1);
}

TEST_F(StaleViewsTest, OfSeveralObjectsAreOverWithTheLast) {
  fail_often("ci", StaleViews::kMaxPasses);
  fail_often("cd", StaleViews::kMaxPasses);
  fail_often("other", 1);
  EXPECT_EQ(log_.count(kSaid), 1);
  EXPECT_EQ(counted(), 2);
  views_.ended({"team-a", "ci"});
  views_.ended({"team-a", "other"});
  EXPECT_EQ(log_.count(kOver), 0);
  views_.ended({"team-a", "cd"});
  EXPECT_EQ(log_.count(kOver), 1);
}

}  // namespace
}  // namespace apitoken::reconcile
