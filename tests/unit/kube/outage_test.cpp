#include "kube/outage.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support/fake_transport.hpp"
#include "support/watched_clock.hpp"

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;

class OutageTest : public ::testing::Test {
 protected:
  std::jthread waiter(std::chrono::milliseconds delay, std::atomic<int>& returned) {
    return std::jthread([this, delay, &returned](std::stop_token stop) {
      outage_.wait(delay, stop);
      ++returned;
    });
  }

  WatchedClock clock_;
  Outage outage_{clock_};
};

TEST_F(OutageTest, OneOfManyWaitersTriesAtEachProbe) {
  std::atomic<int> returned = 0;
  std::vector<std::jthread> waiters;
  for (int i = 0; i < 5; ++i) waiters.push_back(waiter(30s, returned));
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(eventually([&] { return clock_.waited_for(1ns, 800ms); }));
    clock_.advance(800ms);
    ASSERT_TRUE(eventually([&] { return returned == i; })) << i;
  }
  std::this_thread::sleep_for(20ms);  // in which nobody else may return
  EXPECT_EQ(returned, 3);
}

TEST_F(OutageTest, AnyAnswerEndsAllWaits) {
  std::atomic<int> returned = 0;
  std::vector<std::jthread> waiters;
  for (int i = 0; i < 5; ++i) waiters.push_back(waiter(30s, returned));
  std::this_thread::sleep_for(200ms);  // until all have begun to wait
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(1ns, 800ms); }));
  clock_.advance(800ms);
  ASSERT_TRUE(eventually([&] { return returned == 1; }));
  outage_.answered({.status = 503});
  outage_.answered({.status = 429});
  std::this_thread::sleep_for(20ms);  // in which nobody else may return
  EXPECT_EQ(returned, 1) << "a proxy may answer for an unreachable server";
  outage_.answered({.status = 403});
  EXPECT_TRUE(eventually([&] { return returned == 5; }));
}

TEST_F(OutageTest, AnAnswerToOthersCausesNoBusyLoop) {
  std::atomic<int> returned = 0;
  auto one = waiter(30s, returned);
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(1ns, 800ms); }));
  outage_.answered({.status = 200});
  std::this_thread::sleep_for(20ms);  // in which nobody else may return
  EXPECT_EQ(returned, 0);
  clock_.advance(800ms);
  EXPECT_TRUE(eventually([&] { return returned == 1; }));
}

TEST_F(OutageTest, AShortDelayIsKept) {
  std::atomic<int> returned = 0;
  auto one = waiter(100ms, returned);
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(1ns, 100ms); }));
  clock_.advance(100ms);
  EXPECT_TRUE(eventually([&] { return returned == 1; }));
}

}  // namespace
}  // namespace apitoken::kube
