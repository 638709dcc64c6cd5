// Waiting on the machine's clocks.
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

}  // namespace apitoken
