// One entry for each used token, with its latest use.
#include "verify/used_tokens.hpp"

#include <algorithm>

namespace apitoken::verify {

bool UsedTokens::is_recorded(const api::ApiToken& token, WallTime when) {
  return token.status.last_used_at && when < *token.status.last_used_at + kEvery;
}

void UsedTokens::note(const api::ApiToken& token, WallTime when) {
  if (is_recorded(token, when)) return;
  {
    const MutexLock lock(mutex_);
    if (const auto noted = pending_.find(token.meta.uid); noted != pending_.end()) {
      noted->second.when = std::max(noted->second.when, when);
      return;
    }
    if (pending_.size() >= kMaxPending) return;
    pending_.emplace(token.meta.uid, Noted{token.meta.key(), when});
  }
  noted_.notify_one();
}

std::optional<UsedTokens::Use> UsedTokens::take(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  if (!noted_.wait(lock, stop, [this]() REQUIRES(mutex_) { return !pending_.empty(); }) ||
      stop.stop_requested())
    return {};
  auto taken = pending_.extract(pending_.begin());
  return Use{std::move(taken.key()), std::move(taken.mapped().key), taken.mapped().when};
}

void UsedTokens::put_back(Use use) {
  {
    const MutexLock lock(mutex_);
    pending_.try_emplace(std::move(use.uid), Noted{std::move(use.key), use.when});
  }
  noted_.notify_one();
}

std::size_t UsedTokens::pending() const {
  const MutexLock lock(mutex_);
  return pending_.size();
}

}  // namespace apitoken::verify
