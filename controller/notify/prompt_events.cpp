// Writes, and rests after a failure.
#include "notify/prompt_events.hpp"

namespace apitoken::notify {

bool PromptEvents::write(const api::Event& event, std::stop_token stop) {
  if (is_resting()) return false;
  const SteadyTime began = clock_.steady();
  const Status written = sink_.create(event, std::move(stop));
  const bool exists = written || written.error().kind == ErrorKind::AlreadyExists;
  if (!exists && written.error().kind == ErrorKind::Canceled) return false;
  record(exists && clock_.steady() - began < kSlow);
  return exists;
}

bool PromptEvents::is_resting() const {
  const MutexLock lock(mutex_);
  return clock_.steady() < resting_until_;
}

void PromptEvents::record(bool good) {
  const MutexLock lock(mutex_);
  const SteadyTime now = clock_.steady();
  if (good) {
    rests_ = 0;
  } else if (now >= resting_until_) {  // else another worker met the same failure
    resting_until_ = now + kRest.delay(rests_++);
  }
}

}  // namespace apitoken::notify
