// Writes, and rests after a failure.
#include "notify/prompt_events.hpp"

namespace apitoken::notify {
namespace {

bool exists(const Status& written) {
  return written || written.error().kind == ErrorKind::AlreadyExists;
}

}  // namespace

bool PromptEvents::write(const api::Event& event, std::stop_token stop) {
  if (!begin()) return false;
  const SteadyTime began = clock_.steady();
  const Status written = sink_.create(event, std::move(stop));
  end(written, clock_.steady() - began >= kSlow);
  return exists(written);
}

bool PromptEvents::begin() {
  const MutexLock lock(mutex_);
  if (writing_ >= most_ || clock_.steady() < resting_until_) return false;
  ++writing_;
  return true;
}

void PromptEvents::end(const Status& written, bool slow) {
  const MutexLock lock(mutex_);
  --writing_;
  const SteadyTime now = clock_.steady();
  if (exists(written) && !slow) {
    rests_ = 0;
  } else if (!written && written.error().kind == ErrorKind::Canceled) {
    return;                            // this replica no longer leads
  } else if (now >= resting_until_) {  // else another worker met the same failure
    resting_until_ = now + kRest.delay(rests_++);
  }
}

}  // namespace apitoken::notify
