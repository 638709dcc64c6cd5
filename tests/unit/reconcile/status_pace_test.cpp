// The pace of status writes: counts, and two operators that write one status.
#include "reconcile/status_pace.hpp"

#include <gtest/gtest.h>

namespace apitoken::reconcile {
namespace {

using namespace std::chrono_literals;

class StatusPaceTest : public ::testing::Test {
 protected:
  StatusPaceTest() { present_.meta.name = "default"; }

  static api::TokenExpiryConfigStatus counting(std::int64_t matched) {
    api::TokenExpiryConfigStatus status;
    status.matched_tokens = matched;
    return status;
  }
  StatusPace::Verdict before(const api::TokenExpiryConfigStatus& wanted) {
    return pace_.before_write(present_, wanted, now_);
  }
  void write(const api::TokenExpiryConfigStatus& status) {
    pace_.written("default", status, now_);
    present_.status = status;
  }

  StatusPace pace_;
  api::TokenExpiryConfig present_;
  SteadyTime now_{1h};
};

TEST_F(StatusPaceTest, CountsFollowTheLastWriteByThreeSeconds) {
  EXPECT_EQ(before(counting(1)).wait, 0s);
  write(counting(1));
  EXPECT_EQ(before(counting(2)).wait, 3s);
  now_ += 2s;
  EXPECT_EQ(before(counting(2)).wait, 1s);
  now_ += 1s;
  EXPECT_EQ(before(counting(2)).wait, 0s);
}

TEST_F(StatusPaceTest, ConditionsAreWrittenAtOnce) {
  write(counting(1));
  auto wanted = counting(2);
  wanted.conditions.push_back({"Ready", "False", "InvalidAddress", "", {}, 1});
  EXPECT_EQ(before(wanted).wait, 0s);
}

TEST_F(StatusPaceTest, ASecondWriterIsOutwaitedAndReportedOnce) {
  int writes = 0;
  int reports = 0;
  write(counting(1));
  for (const auto end = now_ + 1h; now_ < end; now_ += 100ms) {
    present_.status = counting(9);
    const auto verdict = before(counting(1));
    reports += verdict.found_second_operator;
    if (verdict.wait > 0s) continue;
    ++writes;
    write(counting(1));
  }
  EXPECT_LE(writes, 20) << "2 s, doubled up to 5 min";
  EXPECT_GE(writes, 12);
  EXPECT_EQ(reports, 1);
}

TEST_F(StatusPaceTest, ADisputeThatRestedBeginsAgain) {
  write(counting(1));
  for (int i = 0; i < 8; ++i) {
    now_ += 5min;
    present_.status = counting(9);
    EXPECT_EQ(before(counting(1)).wait, 0s);
    write(counting(1));
  }
  now_ += 5min;
  EXPECT_EQ(before(counting(2)).wait, 0s);
  write(counting(2));
  present_.status = counting(9);
  EXPECT_EQ(before(counting(2)).wait, 2s);
}

}  // namespace
}  // namespace apitoken::reconcile
