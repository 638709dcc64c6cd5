// Clock: wall time for expiry, steady time for backoff and time-outs, and waiting. One interface,
// so that tests control time (tests/support/manual_clock.hpp). Implementations are safe on any
// thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace apitoken {

using Seconds = std::chrono::seconds;
// Kubernetes times have whole seconds (metav1.Time), and so do ours: an instant has come if
// now >= instant, with now rounded down.
using WallTime = std::chrono::sys_seconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using SteadyDuration = std::chrono::steady_clock::duration;

class Clock {
 public:
  virtual ~Clock() = default;
  // Now, in the clock's full precision.
  virtual std::chrono::system_clock::time_point wall_precise() const = 0;
  virtual SteadyTime steady() const = 0;
  // Waits on `cv` until a notification, until steady() >= deadline, or until a stop is requested.
  // May return early: the caller holds `lock` and checks its condition in a loop.
  virtual void wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
                    std::stop_token stop, SteadyTime deadline) const = 0;

  WallTime wall() const { return std::chrono::floor<Seconds>(wall_precise()); }
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  std::chrono::system_clock::time_point wall_precise() const override {
    return std::chrono::system_clock::now();
  }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  void wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
            std::stop_token stop, SteadyTime deadline) const override;
};

}  // namespace apitoken
