// TryLimit: how often one address may try to sign in with a token: ten times in any minute. Bounded
// in memory, for any number of addresses. Any thread.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace apitoken::portal {

class TryLimit {
 public:
  static constexpr std::size_t kMaxTries = 10;
  static constexpr std::chrono::seconds kWindow{60};
  static constexpr std::size_t kMaxAddresses = 10'000;

  // Counts a try at `now`. Zero: go ahead; otherwise the wait until the next one is allowed.
  Seconds take(std::string_view address, SteadyTime now);

 private:
  using Tries = std::deque<SteadyTime>;  // of the last minute, oldest first

  void remove_old(SteadyTime now) REQUIRES(mutex_);

  Mutex mutex_;
  std::map<std::string, Tries, std::less<>> tries_ GUARDED_BY(mutex_);  // by address
};

}  // namespace apitoken::portal
