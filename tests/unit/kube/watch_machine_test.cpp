#include "kube/watch_machine.hpp"

#include <gtest/gtest.h>

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;
using Step = WatchMachine::Step;

Error error(ErrorKind kind, std::optional<Seconds> retry_after = {}) {
  return {kind, "", retry_after};
}

class WatchMachineTest : public testing::Test {
 protected:
  void expect(Step step, std::chrono::milliseconds delay, std::string_view version) const {
    EXPECT_EQ(machine_.next().step, step);
    EXPECT_EQ(machine_.next().delay, delay);
    EXPECT_EQ(machine_.resource_version(), version);
  }

  WatchMachine machine_;
};

TEST_F(WatchMachineTest, ListsThenWatchesFromTheListsVersion) {
  expect(Step::List, 0ms, "");
  EXPECT_EQ(machine_.listed("7"), Report::Nothing);
  expect(Step::Watch, 0ms, "7");
}

TEST_F(WatchMachineTest, ACleanEndResumesFromTheLastVersionAtOnce) {
  machine_.listed("7");
  machine_.saw("9", 1min);
  EXPECT_EQ(machine_.watch_ended(5min, 0), Report::Nothing);
  expect(Step::Watch, 0ms, "9");
}

TEST_F(WatchMachineTest, ADroppedConnectionResumesFromTheLastVersionAfterAPause) {
  machine_.listed("7");
  machine_.saw("9", 1s);
  EXPECT_EQ(machine_.watch_failed(error(ErrorKind::Unavailable), 1min, 0), Report::Began);
  expect(Step::Check, 800ms, "9");
  machine_.checked("9");
  expect(Step::Watch, 0ms, "9");
  EXPECT_EQ(machine_.watch_failed(error(ErrorKind::Unavailable), 0s, 0), Report::Nothing);
  expect(Step::Check, 1600ms, "9");
  for (int i = 0; i < 100; ++i) machine_.watch_failed(error(ErrorKind::Unavailable), 0s, 0);
  expect(Step::Check, 30s, "9");
  machine_.checked("1000");
  expect(Step::Watch, 0ms, "9");
}

TEST_F(WatchMachineTest, AServerThatIsOlderAfterABrokenWatchIsListed) {
  machine_.listed("100");
  machine_.watch_failed(error(ErrorKind::Unavailable), 1min, 0);
  machine_.checked("99");
  EXPECT_EQ(machine_.next().step, Step::List);
  EXPECT_EQ(machine_.next().delay, 0ms);
  machine_.listed("101");
  expect(Step::Watch, 0ms, "101");
}

TEST_F(WatchMachineTest, AServerThatWasAwayIsListedAtAnyVersion) {
  machine_.listed("7");
  machine_.watch_failed(error(ErrorKind::Unavailable), 1min, 0);
  EXPECT_EQ(machine_.check_failed(error(ErrorKind::Unavailable), 0), Report::Nothing);
  EXPECT_EQ(machine_.next().step, Step::List);
  EXPECT_EQ(machine_.next().delay, 1600ms);
}

TEST_F(WatchMachineTest, AServerThatRefusesTheCheckIsAskedAgain) {
  machine_.listed("7");
  machine_.watch_failed(error(ErrorKind::Forbidden), 1min, 0);
  EXPECT_EQ(machine_.check_failed(error(ErrorKind::Throttled, 9s), 0), Report::Began);
  expect(Step::Check, 9s, "7");
  EXPECT_EQ(machine_.check_failed(error(ErrorKind::Decode), 0), Report::Began);
  EXPECT_EQ(machine_.next().step, Step::List);
}

TEST_F(WatchMachineTest, AWatchThatLivesEndsTheFailureOnce) {
  machine_.listed("7");
  machine_.watch_failed(error(ErrorKind::Unavailable), 0s, 0);
  EXPECT_EQ(machine_.saw("8", 1s), Report::Nothing);
  EXPECT_EQ(machine_.saw("9", 6s), Report::Over);
  EXPECT_EQ(machine_.saw("10", 7s), Report::Nothing);
  EXPECT_EQ(machine_.watch_failed(error(ErrorKind::Unavailable), 8s, 0), Report::Began);
  expect(Step::Check, 800ms, "10");
}

TEST_F(WatchMachineTest, AVersionThatIsTooOldListsAtOnceButOnlyOnce) {
  machine_.listed("7");
  EXPECT_EQ(machine_.watch_refused(error(ErrorKind::Gone), 0s, 0), Report::Nothing);
  expect(Step::List, 0ms, "");
  machine_.listed("20");
  EXPECT_EQ(machine_.watch_failed(error(ErrorKind::Gone), 0s, 0), Report::Began);
  expect(Step::List, 1600ms, "");
  machine_.listed("30");
  EXPECT_EQ(machine_.watch_refused(error(ErrorKind::Gone), 1h, 0), Report::Nothing);
  expect(Step::List, 0ms, "");
}

TEST_F(WatchMachineTest, AnotherErrorEventListsAgainAfterAPause) {
  machine_.listed("7");
  EXPECT_EQ(machine_.watch_refused(error(ErrorKind::Unavailable), 0s, 0), Report::Began);
  expect(Step::List, 800ms, "");
}

TEST_F(WatchMachineTest, AMalformedEventListsAgainAndListsInBetweenDoNotEndTheFailure) {
  machine_.listed("7");
  EXPECT_EQ(machine_.watch_failed(error(ErrorKind::Decode), 0s, 0), Report::Began);
  expect(Step::List, 800ms, "");
  EXPECT_EQ(machine_.listed("8"), Report::Nothing);
  EXPECT_EQ(machine_.watch_failed(error(ErrorKind::Decode), 0s, 0), Report::Nothing);
  expect(Step::List, 1600ms, "");
}

// A server ends the watch of a reader that cannot keep up, so this happens when there is most to
// read.
TEST_F(WatchMachineTest, WatchesThatEndAtOnceAfterAChangeGoOnAtOnce) {
  machine_.listed("7");
  for (int version = 8; version < 100; ++version) {
    machine_.saw(std::to_string(version), 9ms);
    EXPECT_EQ(machine_.watch_ended(10ms, 0), Report::Nothing);
    expect(Step::Watch, 0ms, std::to_string(version));
  }
  machine_.saw("99", 9ms);  // nothing new
  machine_.watch_ended(10ms, 0);
  EXPECT_EQ(machine_.watch_ended(10ms, 0), Report::Began);
  expect(Step::Watch, 800ms, "99");
}

TEST_F(WatchMachineTest, ABrokenWatchThatBroughtAChangeWaitsForTheShortestDelay) {
  machine_.listed("7");
  for (int i = 0; i < 5; ++i) machine_.watch_failed(error(ErrorKind::Unavailable), 0s, 0);
  expect(Step::Check, 12800ms, "7");
  machine_.saw("8", 1s);
  machine_.watch_failed(error(ErrorKind::Unavailable), 1s, 0);
  expect(Step::Check, 800ms, "8");
  machine_.watch_failed(error(ErrorKind::Unavailable), 0s, 0);
  expect(Step::Check, 1600ms, "8");
}

TEST_F(WatchMachineTest, AnUnreadableWatchIsDelayedMoreEachTimeAlthoughItBroughtSomething) {
  machine_.listed("7");
  machine_.watch_refused(error(ErrorKind::Decode), 0s, 0);
  machine_.listed("8");
  machine_.saw("9", 1ms);
  machine_.watch_refused(error(ErrorKind::Decode), 0s, 0);
  expect(Step::List, 1600ms, "");
}

TEST_F(WatchMachineTest, WatchesThatEndAtOnceAreDelayed) {
  machine_.listed("7");
  EXPECT_EQ(machine_.watch_ended(10ms, 0), Report::Nothing);
  expect(Step::Watch, 0ms, "7");
  EXPECT_EQ(machine_.watch_ended(10ms, 0), Report::Began);
  expect(Step::Watch, 800ms, "7");
  EXPECT_EQ(machine_.watch_ended(10ms, 0), Report::Nothing);
  expect(Step::Watch, 1600ms, "7");
  EXPECT_EQ(machine_.watch_ended(5min, 0), Report::Over);
  EXPECT_EQ(machine_.watch_ended(10ms, 0), Report::Nothing);
  expect(Step::Watch, 0ms, "7");
}

TEST_F(WatchMachineTest, AFailedListBacksOffAndEachKindOfFailureIsReportedOnce) {
  EXPECT_EQ(machine_.list_failed(error(ErrorKind::Unavailable), 0), Report::Began);
  expect(Step::List, 800ms, "");
  EXPECT_EQ(machine_.list_failed(error(ErrorKind::Unavailable), 0), Report::Nothing);
  expect(Step::List, 1600ms, "");
  EXPECT_EQ(machine_.list_failed(error(ErrorKind::NotFound), 0), Report::Began);
  EXPECT_EQ(machine_.list_failed(error(ErrorKind::Unavailable), 0), Report::Nothing);
  EXPECT_EQ(machine_.listed("7"), Report::Over);
  EXPECT_EQ(machine_.list_failed(error(ErrorKind::Unavailable), 0), Report::Began);
  expect(Step::List, 800ms, "7");
}

TEST_F(WatchMachineTest, TheServersRetryAfterCountsUpToALimit) {
  machine_.list_failed(error(ErrorKind::Throttled, 17s), 99);
  expect(Step::List, 17s, "");
  machine_.list_failed(error(ErrorKind::Throttled, 0s), 0);
  expect(Step::List, 1600ms, "");
  machine_.list_failed(error(ErrorKind::Throttled, 24h), 0);
  expect(Step::List, 5min, "");
}

TEST_F(WatchMachineTest, AnExpiredContinueTokenListsAgainAtOnceTheFirstTime) {
  EXPECT_EQ(machine_.list_failed(error(ErrorKind::Gone), 0), Report::Nothing);
  expect(Step::List, 0ms, "");
  EXPECT_EQ(machine_.list_failed(error(ErrorKind::Gone), 0), Report::Began);
  expect(Step::List, 1600ms, "");
}

TEST_F(WatchMachineTest, PausesAreJittered) {
  machine_.list_failed(error(ErrorKind::Unavailable), 1023);
  EXPECT_GT(machine_.next().delay, 800ms);
  EXPECT_LE(machine_.next().delay, 880ms);
}

}  // namespace
}  // namespace apitoken::kube
