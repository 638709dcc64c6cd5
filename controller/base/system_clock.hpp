// The machine's clocks, as a default argument. Any thread.
#pragma once

#include "base/clock.hpp"

namespace apitoken {

inline const SystemClock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace apitoken
