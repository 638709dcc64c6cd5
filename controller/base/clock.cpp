// Waiting on the machine's clocks.
#include "base/clock.hpp"

#include <utility>

namespace apitoken {

void SystemClock::wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
                       std::stop_token stop, SteadyTime deadline) const {
  // wait_until() with a stop token requires a predicate. This one is true at its second call, so
  // that the call waits once.
  bool called = false;
  cv.wait_until(lock, stop, deadline, [&called] { return std::exchange(called, true); });
}

}  // namespace apitoken
