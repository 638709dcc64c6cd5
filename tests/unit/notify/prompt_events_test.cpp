#include "notify/prompt_events.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "base/rfc3339.hpp"
#include "support/manual_clock.hpp"

namespace apitoken::notify {
namespace {

using namespace std::chrono_literals;

class PromptEventsTest : public ::testing::Test, private EventSink {
 protected:
  bool write() {
    return prompt_events_.write({"team-a", "ci.1", {}, true, "ExpiringSoon", "Warn", ""}, {});
  }

  ManualClock clock_{*parse_rfc3339("2026-11-24T08:00:00Z")};
  PromptEvents prompt_events_{*this, clock_, 2};
  Status answer_;
  SteadyDuration answer_takes_{};
  int tried_ = 0;
  std::function<void()> meanwhile_;  // called once, during a write

 private:
  Status create(const api::Event&, std::stop_token) override {
    ++tried_;
    if (meanwhile_) std::exchange(meanwhile_, nullptr)();
    clock_.advance(std::chrono::duration_cast<Seconds>(answer_takes_));
    return answer_;
  }
  Status repeat(const api::Event&, int, std::stop_token) override { return {}; }
};

TEST_F(PromptEventsTest, AnEventThatExistsCountsAsWritten) {
  EXPECT_TRUE(write());
  answer_ = fail(ErrorKind::AlreadyExists, "it exists");
  EXPECT_TRUE(write());
  EXPECT_EQ(tried_, 2);
}

TEST_F(PromptEventsTest, AfterAFailureItRestsLongerEachTimeUntilOneIsWritten) {
  answer_ = fail(ErrorKind::Forbidden, "no right to events");
  EXPECT_FALSE(write());
  EXPECT_FALSE(write());
  EXPECT_EQ(tried_, 1);
  clock_.advance(60s);
  EXPECT_FALSE(write());
  EXPECT_EQ(tried_, 2);
  clock_.advance(119s);
  EXPECT_FALSE(write());
  EXPECT_EQ(tried_, 2);
  clock_.advance(1s);
  answer_ = {};
  EXPECT_TRUE(write());
  answer_ = fail(ErrorKind::Forbidden, "no right to events");
  EXPECT_FALSE(write());
  clock_.advance(60s);
  EXPECT_FALSE(write());
  EXPECT_EQ(tried_, 5) << "the rest is a minute again";
}

// A webhook that hangs must not hold all workers for each of very many notices.
TEST_F(PromptEventsTest, ASlowAnswerCountsAndIsFollowedByARest) {
  answer_takes_ = PromptEvents::kSlow;
  EXPECT_TRUE(write());
  EXPECT_FALSE(write());
  EXPECT_EQ(tried_, 1);
}

TEST_F(PromptEventsTest, NoMoreThanTheGivenNumberIsWrittenAtOnce) {
  meanwhile_ = [&] {
    meanwhile_ = [&] { EXPECT_FALSE(write()) << "two others are being written"; };
    EXPECT_TRUE(write());
  };
  EXPECT_TRUE(write());
  EXPECT_EQ(tried_, 2);
  EXPECT_TRUE(write());
}

TEST_F(PromptEventsTest, ACanceledWriteIsNoFailure) {
  answer_ = fail(ErrorKind::Canceled, "this replica no longer leads");
  EXPECT_FALSE(write());
  answer_ = {};
  EXPECT_TRUE(write());
}

}  // namespace
}  // namespace apitoken::notify
