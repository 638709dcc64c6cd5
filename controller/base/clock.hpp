// Clock: wall time (expiry), steady time (backoff, time-outs) and the waiting itself, behind one
// interface, so that tests move time by hand. Implementations are safe on any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace apitoken {

using Seconds = std::chrono::seconds;
// Kubernetes times carry whole seconds (metav1.Time), so expiry is decided in whole seconds: an
// instant has come when now >= instant, now rounded down.
using WallTime = std::chrono::sys_seconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using SteadyDuration = std::chrono::steady_clock::duration;

class Clock {
 public:
  virtual ~Clock() = default;
  // Now, to the clock's own precision.
  virtual std::chrono::system_clock::time_point wall_precise() const = 0;
  virtual SteadyTime steady() const = 0;
  // Waits on `cv` until notified, until steady() >= deadline, or until `stop` is requested; may
  // also return early. The caller holds `lock` and checks its own condition in a loop.
  virtual void wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
                    std::stop_token stop, SteadyTime deadline) const = 0;

  WallTime wall() const { return std::chrono::floor<Seconds>(wall_precise()); }
};

// The machine's own clocks.
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
