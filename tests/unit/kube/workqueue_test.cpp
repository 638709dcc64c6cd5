#include "kube/workqueue.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "support/fake_transport.hpp"
#include "support/watched_clock.hpp"

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;
using Key = Workqueue::Key;

struct Counts final : WorkqueueObserver {
  void added() override { ++adds; }
  void waited(std::chrono::duration<double> in_queue) override { queued = in_queue.count(); }
  void worked(std::chrono::duration<double> in_work) override { work = in_work.count(); }
  void retried() override { ++retries; }

  std::atomic<int> adds = 0, retries = 0;
  std::atomic<double> queued = 0, work = 0;
};

class WorkqueueTest : public testing::Test {
 protected:
  // A key, if one waits now.
  std::optional<Key> poll() {
    std::stop_source stop;
    std::optional<Key> got;
    std::atomic<bool> returned = false;
    std::jthread worker([&] {
      got = queue_.get(stop.get_token());
      returned = true;
    });
    EXPECT_TRUE(eventually([&] { return returned || clock_.waited_for(1ns, 24h); }));
    stop.request_stop();
    worker.join();
    return got;
  }

  WatchedClock clock_;
  Counts counts_;
  Workqueue queue_{clock_, counts_};
  const Key a_{"ns", "a"}, b_{"ns", "b"};
};

TEST_F(WorkqueueTest, GivesKeysInOrderEachOnce) {
  queue_.add(a_);
  queue_.add(b_);
  queue_.add(a_);
  EXPECT_EQ(queue_.depth(), 2U);
  EXPECT_EQ(queue_.get({}), a_);
  EXPECT_EQ(queue_.get({}), b_);
  EXPECT_EQ(queue_.depth(), 0U);
  EXPECT_EQ(counts_.adds, 2);
}

TEST_F(WorkqueueTest, AKeyAddedWhileAWorkerHasItComesAgainAfterwards) {
  queue_.add(a_);
  EXPECT_EQ(queue_.get({}), a_);
  queue_.add(a_);
  queue_.add(a_);
  EXPECT_EQ(poll(), std::nullopt);
  queue_.done(a_);
  EXPECT_EQ(queue_.get({}), a_);
  queue_.done(a_);
  EXPECT_EQ(poll(), std::nullopt);
}

TEST_F(WorkqueueTest, AWaitingWorkerGetsAnAddedKey) {
  std::optional<Key> got;
  std::jthread worker([&] { got = queue_.get({}); });
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(1ns, 24h); }));
  queue_.add(a_);
  worker.join();
  EXPECT_EQ(got, a_);
}

TEST_F(WorkqueueTest, ADelayedKeyComesWhenItIsDue) {
  queue_.add_after(a_, 10s);
  EXPECT_EQ(poll(), std::nullopt);
  clock_.advance(9999ms);
  EXPECT_EQ(poll(), std::nullopt);
  clock_.advance(1ms);
  EXPECT_EQ(poll(), a_);
  EXPECT_EQ(counts_.adds, 1);
}

TEST_F(WorkqueueTest, OfTwoTimersTheEarlierCounts) {
  const auto now = clock_.wall();
  queue_.add_at(a_, now + 60s);
  queue_.add_at(a_, now + 600s);
  queue_.add_after(b_, 600s);
  queue_.add_after(b_, 60s);
  clock_.advance(60s);
  EXPECT_EQ(queue_.get({}), b_);  // steady timers are looked at first
  EXPECT_EQ(queue_.get({}), a_);
  queue_.done(a_);
  queue_.done(b_);
  clock_.advance(600s);
  EXPECT_EQ(poll(), std::nullopt);
}

TEST_F(WorkqueueTest, APastInstantAddsTheKeyAtOnce) {
  queue_.add_at(a_, clock_.wall());
  queue_.add_after(b_, 0s);
  EXPECT_EQ(queue_.get({}), a_);
  EXPECT_EQ(queue_.get({}), b_);
}

TEST_F(WorkqueueTest, AJumpOfTheWallClockIsNoticedWithinHalfAMinute) {
  queue_.add_at(a_, clock_.wall() + std::chrono::hours(24 * 365));
  std::optional<Key> got;
  std::jthread worker([&] { got = queue_.get({}); });
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(30s, 30s); }));
  clock_.set_wall(clock_.wall() + std::chrono::hours(24 * 365));
  worker.join();
  EXPECT_EQ(got, a_);
}

TEST_F(WorkqueueTest, AbsurdlyFarTimesDoNotOverflow) {
  queue_.add_at(a_, WallTime(Seconds(253402300799)));  // the end of year 9999
  EXPECT_EQ(poll(), std::nullopt);
  EXPECT_FALSE(clock_.waited_for(-24h, 24h));
}

TEST_F(WorkqueueTest, AnEarlierTimerWakesTheWorkerThatWatchesTimers) {
  queue_.add_after(a_, 10min);
  std::optional<Key> got;
  std::jthread worker([&] { got = queue_.get({}); });
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(10min, 10min); }));
  queue_.add_after(b_, 5s);
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(5s, 5s); }));
  clock_.advance(5s);
  worker.join();
  EXPECT_EQ(got, b_);
}

TEST_F(WorkqueueTest, OneWorkerWatchesTheTimersAndAnotherTakesOver) {
  queue_.add_after(a_, 10s);
  std::atomic<int> returned = 0;
  std::vector<std::jthread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&] {
      while (const auto key = queue_.get({})) {
        queue_.done(*key);
        ++returned;
      }
    });
  }
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(10s, 10s) && clock_.waited_for(1h, 1h); }));
  for (int i = 1; i <= 20; ++i) {  // one thread wakes; another waits for the timer
    queue_.add({"ns", "x" + std::to_string(i)});
    ASSERT_TRUE(eventually([&] { return returned == i && clock_.waited_for(10s, 10s); }));
  }
  clock_.advance(10s);
  EXPECT_TRUE(eventually([&] { return returned == 21; }));
  queue_.shut_down();
}

TEST_F(WorkqueueTest, FailuresDoubleThePauseUntilASuccess) {
  for (const auto pause : {500ms, 1000ms, 2000ms}) {
    queue_.add_rate_limited(a_);
    clock_.advance(pause - 1ms);
    EXPECT_EQ(poll(), std::nullopt);
    clock_.advance(1ms);
    EXPECT_EQ(poll(), a_);
    queue_.done(a_);
  }
  EXPECT_EQ(queue_.failures(a_), 3U);
  EXPECT_EQ(counts_.retries, 3);
  for (int i = 0; i < 40; ++i) queue_.add_rate_limited(a_);
  queue_.cancel(a_);
  queue_.add_rate_limited(a_);
  clock_.advance(300s);
  EXPECT_EQ(poll(), a_);
  queue_.done(a_);
  queue_.reset_backoff(a_);
  EXPECT_EQ(queue_.failures(a_), 0U);
  queue_.add_rate_limited(a_);
  clock_.advance(500ms);
  EXPECT_EQ(poll(), a_);
}

TEST_F(WorkqueueTest, AnEchoOfAnOwnWriteDoesNotShortenTheBackoff) {
  for (int i = 0; i < 4; ++i)
    queue_.add_rate_limited(a_);  // the next pause is 8 s, the first timer 0.5 s
  clock_.advance(500ms);
  ASSERT_EQ(queue_.get({}), a_);
  queue_.add_echo(a_, Urgency::Value);  // during the pass that fails
  queue_.add_rate_limited(a_);
  queue_.done(a_);
  queue_.add_echo(a_, Urgency::Value);  // and after it
  EXPECT_EQ(poll(), std::nullopt);
  clock_.advance(7999ms);
  EXPECT_EQ(poll(), std::nullopt);
  clock_.advance(1ms);
  EXPECT_EQ(poll(), a_);
}

TEST_F(WorkqueueTest, AChangeThatIsNoEchoEndsTheBackoffAndAnEchoAfterwardsCounts) {
  queue_.add_rate_limited(a_, Urgency::Value, 60s);
  queue_.add_echo(a_, Urgency::Value);
  EXPECT_EQ(poll(), std::nullopt);
  queue_.add(a_);
  EXPECT_EQ(queue_.get({}), a_);
  queue_.add_echo(a_, Urgency::Cosmetic);
  queue_.reset_backoff(a_);
  queue_.done(a_);
  EXPECT_EQ(queue_.get({}), a_);
  queue_.done(a_);
  queue_.add_echo(b_, Urgency::Cosmetic);
  EXPECT_EQ(queue_.get({}), b_);
}

TEST_F(WorkqueueTest, TheServersDelayReplacesTheBackoff) {
  queue_.add_rate_limited(a_, Urgency::Value, 7s);
  clock_.advance(6999ms);
  EXPECT_EQ(poll(), std::nullopt);
  clock_.advance(1ms);
  EXPECT_EQ(poll(), a_);
  EXPECT_EQ(queue_.failures(a_), 1U);
}

TEST_F(WorkqueueTest, AKeyComesBackAtTheUrgencyThatWokeIt) {
  const Key c{"ns", "c"};
  queue_.add(a_);
  ASSERT_EQ(queue_.get({}), a_);
  queue_.add(a_, Urgency::Cosmetic);
  queue_.add_after(b_, 1s, Urgency::Notice);
  queue_.add_at(c, clock_.wall() + 1s, Urgency::Value);
  queue_.done(a_);
  clock_.advance(1s);
  EXPECT_EQ(queue_.get({}), c);
  EXPECT_EQ(queue_.get({}), b_);
  EXPECT_EQ(queue_.get({}), a_);
}

TEST_F(WorkqueueTest, ACancelledTimerAddsNoKey) {
  queue_.add_after(a_, 1s);
  queue_.add_at(a_, clock_.wall() + 1s);
  queue_.cancel(a_);
  clock_.advance(1min);
  EXPECT_EQ(poll(), std::nullopt);
}

TEST_F(WorkqueueTest, MeasuresWaitingAndWork) {
  queue_.add(a_);
  clock_.advance(2s);
  EXPECT_EQ(queue_.get({}), a_);
  EXPECT_DOUBLE_EQ(counts_.queued, 2);
  clock_.advance(3s);
  EXPECT_DOUBLE_EQ(queue_.unfinished().sum.count(), 3);
  EXPECT_DOUBLE_EQ(queue_.unfinished().longest.count(), 3);
  queue_.done(a_);
  EXPECT_DOUBLE_EQ(counts_.work, 3);
  EXPECT_DOUBLE_EQ(queue_.unfinished().sum.count(), 0);
}

TEST_F(WorkqueueTest, ShutDownWakesAllWorkersAndDropsLaterKeys) {
  std::vector<std::jthread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] { EXPECT_EQ(queue_.get({}), std::nullopt); });
  }
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(1ns, 24h); }));
  queue_.shut_down();
  workers.clear();
  queue_.add(a_);
  queue_.add_after(a_, 1s);
  clock_.advance(1min);
  EXPECT_EQ(queue_.depth(), 0U);
  EXPECT_EQ(queue_.get({}), std::nullopt);
}

TEST_F(WorkqueueTest, AStopRequestEndsTheWait) {
  std::jthread worker([&](std::stop_token stop) { EXPECT_EQ(queue_.get(stop), std::nullopt); });
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(1ns, 24h); }));
}

// With real time and many threads: no key is lost, none is worked on twice at a time, and the last
// state is always seen.
TEST(WorkqueueConcurrency, EachAdditionIsSeenAndAKeyHasOneWorkerAtATime) {
  constexpr int kKeys = 20, kRounds = 500;
  const SystemClock clock;
  Counts counts;
  Workqueue queue(clock, counts);
  std::array<std::atomic<int>, kKeys> wanted{}, seen{}, busy{};
  std::vector<std::jthread> workers, producers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&](std::stop_token stop) {
      while (const auto key = queue.get(stop)) {
        const auto index = static_cast<std::size_t>(std::stoi(key->name));
        EXPECT_EQ(busy[index]++, 0);
        seen[index] = wanted[index].load();
        --busy[index];
        queue.done(*key);
      }
    });
  }
  for (int i = 0; i < 3; ++i) {
    producers.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const int index = (round * 7 + i) % kKeys;
        const Key key{"ns", std::to_string(index)};
        ++wanted[static_cast<std::size_t>(index)];
        if (round % 3 == 0) {
          queue.add_after(key, std::chrono::microseconds(round));
        } else if (round % 3 == 1) {
          queue.add_at(key, clock.wall());
        } else {
          queue.add(key);
        }
      }
    });
  }
  producers.clear();
  EXPECT_TRUE(eventually([&] {
    for (std::size_t i = 0; i < kKeys; ++i) {
      if (seen[i] != wanted[i]) return false;
    }
    return true;
  }));
}

}  // namespace
}  // namespace apitoken::kube
