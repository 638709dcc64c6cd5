// The pace of status writes.
#include "reconcile/status_pace.hpp"

#include <algorithm>
#include <utility>

namespace apitoken::reconcile {
namespace {

bool differs_in_counts_alone(api::TokenExpiryConfigStatus before,
                             const api::TokenExpiryConfigStatus& after) {
  before.matched_tokens = after.matched_tokens;
  before.expiring_tokens = after.expiring_tokens;
  before.last_email_time = after.last_email_time;
  before.pending_notices = after.pending_notices;
  return before == after;
}

}  // namespace

StatusPace::Verdict StatusPace::before_write(const api::TokenExpiryConfig& present,
                                             const api::TokenExpiryConfigStatus& wanted,
                                             SteadyTime now) {
  const auto found = entries_.find(present.meta.name);
  if (found == entries_.end()) return {};
  Entry& entry = found->second;
  const auto left = [&](SteadyDuration pause) {
    return std::max(entry.at + pause - now, SteadyDuration::zero());
  };
  if (present.status == entry.status) {
    if (now >= entry.at + kDispute.delay(entry.disputes)) {
      entry.disputes = 0;
      entry.reported = false;
    }
    return {differs_in_counts_alone(entry.status, wanted) ? left(kBetweenCounts)
                                                          : SteadyDuration::zero()};
  }
  const SteadyDuration wait = left(kDispute.delay(entry.disputes));
  if (wait > SteadyDuration::zero()) return {wait};
  ++entry.disputes;
  const bool found_second = entry.disputes >= kSecondOperator;
  return {{}, found_second && !std::exchange(entry.reported, true)};
}

void StatusPace::written(const std::string& config, const api::TokenExpiryConfigStatus& status,
                         SteadyTime now) {
  Entry& entry = entries_[config];
  entry.status = status;
  entry.at = now;
}

}  // namespace apitoken::reconcile
