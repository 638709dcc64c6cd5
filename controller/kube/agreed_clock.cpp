// Two opinions about the time.
#include "kube/agreed_clock.hpp"

#include <algorithm>

namespace apitoken::kube {

void AgreedClock::answered(const AnswerHead& head) {
  // 5xx may come from a proxy, which has a clock of its own.
  if (!head.date || head.status >= 500 || head.came - head.asked > kMaxRoundTrip) return;
  const std::lock_guard lock(mutex_);
  reading_ = Reading{*head.date, head.asked, head.came};
}

// From the nearer end of the interval in which the server's time lies now: a Date has whole
// seconds, and was written at some instant between the question and the answer.
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
  const std::lock_guard lock(mutex_);
  const Time time = time_at(now);
  // Without a second opinion it never goes back at all.
  const bool slightly_back = time < latest_ && (!reading_ || latest_ - time <= tolerance_);
  if (!slightly_back) latest_ = time;
  return latest_;
}

std::optional<Seconds> AgreedClock::skew() const {
  const Now now = look();
  const std::lock_guard lock(mutex_);
  const auto apart = difference(now);
  if (!apart) return {};
  return std::chrono::abs(*apart) <= kPrecision ? Seconds(0) : std::chrono::round<Seconds>(*apart);
}

std::optional<Seconds> AgreedClock::doubt() const {
  const auto apart = skew();
  return apart && std::chrono::abs(*apart) > tolerance_ ? apart : std::nullopt;
}

std::optional<SteadyTime> AgreedClock::last_answer() const {
  const std::lock_guard lock(mutex_);
  return reading_ ? std::optional(reading_->came) : std::nullopt;
}

}  // namespace apitoken::kube
