// Notes of uses, written one after the other.
#include "verify/last_use.hpp"

#include <spdlog/spdlog.h>

#include "base/thread_name.hpp"

namespace apitoken::verify {
namespace {

bool is_told(const api::ApiToken& token, WallTime when) {
  return token.status.last_used_at && when < *token.status.last_used_at + LastUse::kEvery;
}

}  // namespace

void LastUse::note(const api::ApiToken& token, WallTime when) {
  if (is_told(token, when)) return;
  {
    const std::lock_guard lock(mutex_);
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
  const std::lock_guard lock(mutex_);
  return pending_.size();
}

void LastUse::run(std::stop_token stop) {
  name_thread("last use");
  std::unique_lock lock(mutex_);
  const auto pause = [&](SteadyDuration length) {
    for (const auto end = clock_.steady() + length;
         !stop.stop_requested() && clock_.steady() < end;) {
      clock_.wait(noted_, lock, stop, end);
    }
  };
  while (noted_.wait(lock, stop, [this] { return !pending_.empty(); }) && !stop.stop_requested()) {
    const auto node = pending_.extract(pending_.begin());
    lock.unlock();
    const bool done = write(node.key(), node.mapped(), stop);
    lock.lock();
    if (!done) pending_.try_emplace(node.key(), node.mapped());
    pause(done ? SteadyDuration(kPause) : SteadyDuration(kRetryAfter));
  }
}

bool LastUse::write(const std::string& uid, const Use& use, std::stop_token stop) {
  const auto token = store_.get(use.key);
  if (!token || token->meta.uid != uid || is_told(*token, use.when)) return true;
  const auto answer =
      client_.merge_patch(kube::resources::kApiTokens, use.key, "status",
                          api::encode_last_used_patch(token->meta, use.when), std::move(stop));
  if (!answer) {
    const auto kind = answer.error().kind;
    if (kind == ErrorKind::NotFound || kind == ErrorKind::Conflict || kind == ErrorKind::Canceled)
      return true;
    if (!failing_)
      spdlog::warn("cannot write when tokens were last used error={}", answer.error().message);
    failing_ = true;
    return false;
  }
  if (failing_) spdlog::info("writing again when tokens were last used");
  failing_ = false;
  const auto object = parser_.parse(*answer);
  if (!object) return true;  // the watch tells
  if (auto written = api::decode_api_token(*object)) store_.put(std::move(*written));
  return true;
}

}  // namespace apitoken::verify
