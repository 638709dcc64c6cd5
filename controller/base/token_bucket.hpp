// TokenBucket: allows `per_second` uses a second on average, and `burst` uses at once after a
// pause. Time is an input. Not shared between threads.
#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace apitoken {

class TokenBucket {
 public:
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), left_(burst) {}

  // Whether a use is allowed now.
  bool has_one(SteadyTime now) {
    refill(now);
    return left_ >= 1;
  }
  // Counts one use. False: not allowed now, and not counted.
  bool take(SteadyTime now) {
    if (!has_one(now)) return false;
    left_ -= 1;
    return true;
  }
  // No recent use counts any more: the bucket equals a new one.
  bool is_full(SteadyTime now) {
    refill(now);
    return left_ >= burst_;
  }

 private:
  void refill(SteadyTime now) {
    const std::chrono::duration<double> since = now - filled_;
    left_ = std::min(burst_, left_ + since.count() * per_second_);
    filled_ = now;
  }

  double per_second_;
  double burst_;
  double left_;
  SteadyTime filled_{};
};

}  // namespace apitoken
