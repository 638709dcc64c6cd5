// Waits for an unreachable server.
#include "kube/outage.hpp"

#include <algorithm>

namespace apitoken::kube {

void Outage::answered(const AnswerHead& head) {
  if (head.status == 429 || head.status >= 500) return;
  {
    const MutexLock lock(mutex_);
    away_ = false;
    if (waiting_ == 0) return;
    ++answers_;
  }
  changed_.notify_all();
}

void Outage::unanswered() {
  const MutexLock lock(mutex_);
  away_ = true;
}

bool Outage::away() const {
  const MutexLock lock(mutex_);
  return away_;
}

void Outage::wait(std::chrono::milliseconds delay, std::stop_token stop) {
  MutexLock lock(mutex_);
  const auto now = clock_.steady();
  const auto until = now + delay;
  const auto earliest = now + std::min(delay, kProbe);
  const auto answers = answers_;
  if (waiting_++ == 0) next_probe_ = std::max(next_probe_, earliest);
  while (!stop.stop_requested()) {
    const auto time = clock_.steady();
    if (time >= until || (answers_ != answers && time >= earliest)) break;
    if (time >= next_probe_) {
      next_probe_ = time + kProbe;
      break;
    }
    clock_.wait(changed_, lock, stop,
                answers_ != answers ? earliest : std::min(until, next_probe_));
  }
  --waiting_;
}

}  // namespace apitoken::kube
