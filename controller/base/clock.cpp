// The machine's clocks and the tests' clock.
#include "base/clock.hpp"

#include <utility>

namespace apitoken {

void SystemClock::wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
                       std::stop_token stop, SteadyTime deadline) const {
  // wait_until() of a stop token wants a predicate; one that turns true on its second look makes it
  // a single wait.
  bool looked = false;
  cv.wait_until(lock, stop, deadline, [&looked] { return std::exchange(looked, true); });
}

std::chrono::system_clock::time_point ManualClock::wall_precise() const {
  std::lock_guard lock(mutex_);
  return wall_;
}

SteadyTime ManualClock::steady() const {
  std::lock_guard lock(mutex_);
  return steady_;
}

void ManualClock::wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
                       std::stop_token stop, SteadyTime deadline) const {
  if (steady() >= deadline || stop.stop_requested()) return;
  cv.wait_for(lock, std::chrono::milliseconds(1));
}

void ManualClock::advance(std::chrono::milliseconds by) {
  std::lock_guard lock(mutex_);
  wall_ += by;
  steady_ += by;
}

void ManualClock::set_wall(WallTime wall) {
  std::lock_guard lock(mutex_);
  wall_ = wall;
}

}  // namespace apitoken
