// Compares the machine's clock with the server's Date headers.
#include "kube/agreed_clock.hpp"

#include <algorithm>

namespace apitoken::kube {

void AgreedClock::answered(const AnswerHead& head) {
  // A 5xx may come from a proxy, whose clock is a third one.
  if (!head.date || head.status >= 500 || head.came - head.asked > kMaxRoundTrip) return;
  const MutexLock lock(mutex_);
  reading_ = Reading{*head.date, head.asked, head.came};
}

// A Date has whole seconds and was written between request and answer, so the server's time lies
// in an interval. Returns the distance to the nearer end of it; zero inside.
std::optional<AgreedClock::Time::duration> AgreedClock::difference(const Now& now) const {
  if (!reading_) return {};
  const Time earliest = reading_->date + (now.steady - reading_->came);
  const Time latest = reading_->date + Seconds(1) + (now.steady - reading_->asked);
  return now.wall < earliest ? now.wall - earliest
                             : std::max(now.wall - latest, Time::duration::zero());
}

AgreedClock::Time AgreedClock::time_at(const Now& now) const {
  const auto apart = difference(now);
  if (!apart) return now.wall;
  const auto size = std::chrono::abs(*apart);
  const Time moved = size <= kPrecision ? now.wall : now.wall - *apart;
  if (size <= tolerance_) {
    agreement_ = Agreement{moved, now.steady};
    return moved;
  }
  return agreement_ ? agreement_->wall + (now.steady - agreement_->at) : moved;
}

AgreedClock::Time AgreedClock::wall_precise() const {
  const Now now = look();
  const MutexLock lock(mutex_);
  const Time time = time_at(now);
  // Before the first answer the time never goes back at all.
  const bool slightly_back = time < latest_ && (!reading_ || latest_ - time <= tolerance_);
  if (!slightly_back) latest_ = time;
  return latest_;
}

std::optional<Seconds> AgreedClock::skew() const {
  const Now now = look();
  const MutexLock lock(mutex_);
  const auto apart = difference(now);
  if (!apart) return {};
  return std::chrono::abs(*apart) <= kPrecision ? Seconds(0) : std::chrono::round<Seconds>(*apart);
}

std::optional<Seconds> AgreedClock::doubt() const {
  const auto apart = skew();
  return apart && std::chrono::abs(*apart) > tolerance_ ? apart : std::nullopt;
}

}  // namespace apitoken::kube
