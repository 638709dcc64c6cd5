#include "kube/agreed_clock.hpp"

#include <gtest/gtest.h>

#include "support/manual_clock.hpp"

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;

class AgreedClockTest : public ::testing::Test {
 protected:
  // The server answers, with its own clock `ahead` of the true time.
  void answer(Seconds ahead = 0s, int status = 200, Seconds took = 0s) {
    const auto now = machine_.steady();
    clock_.answered({status, true_now_ + ahead, now - took, now});
  }
  void advance(Seconds by) {
    true_now_ += by;
    machine_.advance(by);
  }
  // Somebody sets this machine's clock.
  void jump(Seconds by) { machine_.set_wall(machine_.wall() + by); }

  WallTime true_now_{Seconds(1'800'000'000)};
  ManualClock machine_{true_now_};
  AgreedClock clock_{machine_, 5min};
};

TEST_F(AgreedClockTest, IsTheMachinesTimeWhileBothAgree) {
  EXPECT_FALSE(clock_.skew());
  EXPECT_EQ(clock_.wall(), true_now_);
  answer();
  EXPECT_EQ(clock_.skew(), 0s);
  advance(90s);
  EXPECT_EQ(clock_.wall(), true_now_);
  EXPECT_FALSE(clock_.doubt());
}

TEST_F(AgreedClockTest, AJumpFarAheadIsDoubtAndMovesNothingAndItsReturnIsTheEndOfIt) {
  answer();
  (void)clock_.wall();
  jump(400 * 24h);
  EXPECT_EQ(clock_.doubt(), Seconds(400 * 24h) - 1s) << "less the second that a Date cannot tell";
  advance(40s);
  EXPECT_EQ(clock_.wall(), true_now_);
  answer();
  EXPECT_TRUE(clock_.doubt());
  jump(-400 * 24h);
  EXPECT_FALSE(clock_.doubt());
  EXPECT_EQ(clock_.wall(), true_now_);
}

TEST_F(AgreedClockTest, AJumpFarBackIsDoubtAndMovesNothing) {
  answer();
  (void)clock_.wall();
  jump(-1h);
  EXPECT_EQ(clock_.doubt(), -3600s);
  advance(10s);
  EXPECT_EQ(clock_.wall(), true_now_);
}

TEST_F(AgreedClockTest, AJumpOfTheServerIsDoubtTooAndTheMachinesTimeGoesOn) {
  answer();
  (void)clock_.wall();
  advance(60s);
  answer(400 * 24h);
  EXPECT_TRUE(clock_.doubt());
  advance(60s);
  EXPECT_EQ(clock_.wall(), true_now_);
}

TEST_F(AgreedClockTest, AJumpWithinTheToleranceIsNoDoubtAndIsNotSeen) {
  answer();
  for (const auto by : {-120s, 240s, -120s}) {
    jump(by);
    EXPECT_FALSE(clock_.doubt());
    EXPECT_LE(clock_.wall() - true_now_, 1s);
    EXPECT_GE(clock_.wall(), true_now_);
    advance(30s);
  }
}

TEST_F(AgreedClockTest, NeverGoesBackALittle) {
  answer();
  advance(10s);
  const auto before = clock_.wall();
  answer(-2s);  // another API server answers
  jump(-3s);
  EXPECT_EQ(clock_.wall(), before);
}

TEST_F(AgreedClockTest, StartedWithAWrongClockItTakesTheServers) {
  jump(-24h);
  (void)clock_.wall();
  answer();
  EXPECT_TRUE(clock_.doubt());
  EXPECT_EQ(clock_.wall(), true_now_);
}

TEST_F(AgreedClockTest, StartedFarAheadItComesBackWithTheFirstAnswer) {
  jump(400 * 24h);
  EXPECT_GT(clock_.wall(), true_now_ + 300 * 24h);
  answer();
  EXPECT_LE(clock_.wall(), true_now_ + 1s);
}

TEST_F(AgreedClockTest, BelievesNoProxysDateAndNoSlowAnswer) {
  answer(24h, 503);
  answer(24h, 200, 11s);
  EXPECT_FALSE(clock_.skew());
  answer(0s, 200, 9s);
  EXPECT_EQ(clock_.skew(), 0s);
}

TEST_F(AgreedClockTest, ASlowAnswerWidensWhatTheServersTimeMayBe) {
  const auto asked = machine_.steady();
  const auto date = true_now_;
  advance(8s);
  clock_.answered({200, date, asked, machine_.steady()});
  EXPECT_EQ(clock_.skew(), 0s);
  EXPECT_EQ(clock_.wall(), true_now_);
}

TEST_F(AgreedClockTest, AfterAMachinesSleepTheNextAnswerEndsTheDoubt) {
  answer();
  (void)clock_.wall();
  true_now_ += 1h;  // the steady clock stood still
  jump(1h);
  EXPECT_TRUE(clock_.doubt());
  answer();
  EXPECT_FALSE(clock_.doubt());
  EXPECT_EQ(clock_.wall(), true_now_);
}

}  // namespace
}  // namespace apitoken::kube
