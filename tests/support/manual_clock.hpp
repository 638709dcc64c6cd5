// A clock for tests: time stands still until the test advances it. Any thread.
//
//   ManualClock clock{*parse_rfc3339("2026-03-24T12:00:00Z")};
//   clock.advance(5min);
#pragma once

#include "base/clock.hpp"

namespace apitoken {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start) : wall_(start) {}

  std::chrono::system_clock::time_point wall_precise() const override {
    std::lock_guard lock(mutex_);
    return wall_;
  }
  SteadyTime steady() const override {
    std::lock_guard lock(mutex_);
    return steady_;
  }
  // Returns early after a millisecond of real time; callers wait in a loop and see the new time.
  void wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
            std::stop_token stop, SteadyTime deadline) const override {
    if (steady() >= deadline || stop.stop_requested()) return;
    cv.wait_for(lock, std::chrono::milliseconds(1));
  }

  // Moves wall and steady time forward.
  void advance(std::chrono::milliseconds by) {
    std::lock_guard lock(mutex_);
    wall_ += by;
    steady_ += by;
  }
  // Sets the wall time alone, as an administrator or NTP does.
  void set_wall(WallTime wall) {
    std::lock_guard lock(mutex_);
    wall_ = wall;
  }

 private:
  mutable std::mutex mutex_;
  std::chrono::system_clock::time_point wall_;  // guarded by mutex_
  SteadyTime steady_{std::chrono::hours(1)};    // guarded by mutex_
};

}  // namespace apitoken
