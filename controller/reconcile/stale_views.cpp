// Counts the passes that fail in a row for each object.
#include "reconcile/stale_views.hpp"

namespace apitoken::reconcile {

void StaleViews::failed(const api::ObjectKey& key, const Error& error) {
  std::uint32_t passes = 0;
  {
    const MutexLock lock(mutex_);
    passes = ++passes_[key];
    if (passes == kMaxPasses) ++stuck_;
  }
  if (passes < kMaxPasses) return;
  metrics_.view_stayed_stale();
  Error said = error;
  said.message +=
      "; if this goes on, look for a webhook that answers 409 Conflict, or a program that changes "
      "the object all the time";
  failure_log_.failed(said, {{"namespace", key.ns}, {"name", key.name}});
  relist_(key.ns);
}

void StaleViews::ended(const api::ObjectKey& key) {
  {
    const MutexLock lock(mutex_);
    const auto found = passes_.find(key);
    if (found == passes_.end()) return;
    const bool was_stuck = found->second >= kMaxPasses;
    passes_.erase(found);
    if (!was_stuck || --stuck_ > 0) return;
  }
  failure_log_.succeeded();
}

}  // namespace apitoken::reconcile
