// WatchedClock: a ManualClock that reports the present waits, so that a test moves the time only
// when a thread waits for it. For tests. Thread-safe.
#pragma once

#include <set>

#include "base/clock.hpp"
#include "support/manual_clock.hpp"

namespace apitoken::kube {

class WatchedClock final : public Clock {
 public:
  explicit WatchedClock(WallTime start = WallTime(Seconds(1'800'000'000))) : inner_(start) {}

  std::chrono::system_clock::time_point wall_precise() const override {
    return inner_.wall_precise();
  }
  SteadyTime steady() const override { return inner_.steady(); }
  void wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
            std::stop_token stop, SteadyTime deadline) const override {
    {
      std::lock_guard mine(mutex_);
      deadlines_.insert(deadline);
    }
    inner_.wait(cv, lock, stop, deadline);
    std::lock_guard mine(mutex_);
    deadlines_.erase(deadlines_.find(deadline));
  }

  // Whether a thread waits for an instant between `least` and `most` from now.
  bool waited_for(SteadyDuration least, SteadyDuration most) const {
    const auto now = steady();
    std::lock_guard mine(mutex_);
    const auto at = deadlines_.lower_bound(now + least);
    return at != deadlines_.end() && *at <= now + most;
  }
  void advance(std::chrono::milliseconds by) { inner_.advance(by); }
  void set_wall(WallTime wall) { inner_.set_wall(wall); }

 private:
  ManualClock inner_;
  mutable std::mutex mutex_;
  mutable std::multiset<SteadyTime> deadlines_;  // guarded by mutex_
};

}  // namespace apitoken::kube
