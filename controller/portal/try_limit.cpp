// Counts the tries of each address.
#include "portal/try_limit.hpp"

namespace apitoken::portal {

Seconds TryLimit::take(std::string_view address, SteadyTime now) {
  const MutexLock lock(mutex_);
  if (tries_.size() >= kMaxAddresses && !tries_.contains(address)) {
    remove_old(now);
    // So many addresses in one minute are an attack: every further address waits.
    if (tries_.size() >= kMaxAddresses) return kWindow;
  }
  Tries& tries = tries_[std::string(address)];
  while (!tries.empty() && tries.front() + kWindow <= now) tries.pop_front();
  if (tries.size() >= kMaxTries) return std::chrono::ceil<Seconds>(tries.front() + kWindow - now);
  tries.push_back(now);
  return Seconds(0);
}

void TryLimit::remove_old(SteadyTime now) {
  std::erase_if(tries_, [now](const auto& entry) {
    return entry.second.empty() || entry.second.back() + kWindow <= now;
  });
}

}  // namespace apitoken::portal
