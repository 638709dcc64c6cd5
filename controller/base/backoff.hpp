// Exponential backoff: base x 2^failures, at most cap. Pure; any thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace apitoken {

struct Backoff {
  std::chrono::milliseconds base;
  std::chrono::milliseconds cap;

  // `failures` counts from 0: the first delay is `base`.
  std::chrono::milliseconds delay(std::uint32_t failures) const {
    return failures >= 30 ? cap : std::min(cap, base * (std::int64_t{1} << failures));
  }
  // delay() plus up to a tenth. `random` is uniform over all of uint32.
  std::chrono::milliseconds jittered(std::uint32_t failures, std::uint32_t random) const {
    const auto plain = delay(failures);
    return plain + plain * (random % 1024) / 10240;
  }
};

}  // namespace apitoken
