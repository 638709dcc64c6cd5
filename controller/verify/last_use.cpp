// Writes the uses one after the other.
#include "verify/last_use.hpp"

#include "base/sleep.hpp"
#include "base/thread_name.hpp"
#include "kube/classify_error.hpp"
#include "kube/decode_body.hpp"

namespace apitoken::verify {
namespace {

bool is_recorded(const api::ApiToken& token, WallTime when) {
  return token.status.last_used_at && when < *token.status.last_used_at + LastUse::kEvery;
}

}  // namespace

void LastUse::note(const api::ApiToken& token, WallTime when) {
  if (is_recorded(token, when)) return;
  {
    const MutexLock lock(mutex_);
    if (const auto noted = pending_.find(token.meta.uid); noted != pending_.end()) {
      noted->second.when = std::max(noted->second.when, when);
      return;
    }
    if (pending_.size() >= kMaxPending) return;
    pending_.emplace(token.meta.uid, Use{token.meta.key(), when});
  }
  noted_.notify_one();
}

std::size_t LastUse::pending() const {
  const MutexLock lock(mutex_);
  return pending_.size();
}

void LastUse::run(std::stop_token stop) {
  name_thread("last use");
  MutexLock lock(mutex_);
  while (noted_.wait(lock, stop, [this]() REQUIRES(mutex_) { return !pending_.empty(); }) &&
         !stop.stop_requested()) {
    const auto node = pending_.extract(pending_.begin());
    lock.unlock();
    const bool done = write(node.key(), node.mapped(), stop);
    lock.lock();
    if (!done) pending_.try_emplace(node.key(), node.mapped());
    lock.unlock();
    sleep_until(clock_, stop,
                clock_.steady() + (done ? SteadyDuration(kPause) : SteadyDuration(kRetryAfter)));
    lock.lock();
  }
}

bool LastUse::write(const std::string& uid, const Use& use, std::stop_token stop) {
  const auto token = store_.get(use.key);
  if (!token || token->meta.uid != uid || is_recorded(*token, use.when)) return true;
  const auto answer =
      client_.merge_patch(kube::resources::kApiTokens, use.key, "status",
                          api::encode_last_used_patch(token->meta, use.when), std::move(stop));
  if (!answer) {
    const auto fate = kube::classify_error(answer.error().kind);
    if (fate == kube::Fate::Canceled || fate == kube::Fate::StaleView) return true;
    failure_log_.failed(answer.error());
    return false;
  }
  failure_log_.succeeded();
  // An answer that cannot be decoded is ignored: the watch brings the same change.
  if (auto written = kube::decode_body(answer, api::decode_api_token))
    store_.put(std::move(*written));
  return true;
}

}  // namespace apitoken::verify
