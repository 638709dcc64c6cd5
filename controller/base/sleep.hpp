// sleep_until: sleeps by a Clock, so that tests can move its time. Any thread.
#pragma once

#include "base/clock.hpp"

namespace apitoken {

// Returns at `deadline` of the clock's steady time, or as soon as `stop` is requested.
inline void sleep_until(const Clock& clock, const std::stop_token& stop, SteadyTime deadline) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && clock.steady() < deadline)
    clock.wait(never, lock, stop, deadline);
}

}  // namespace apitoken
