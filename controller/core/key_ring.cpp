// Plans the ring of signing keys.
#include "core/key_ring.hpp"

#include <algorithm>

#include "core/lifetimes.hpp"

namespace apitoken::core {
namespace {

// How long a key stays published after its last signature: the longest life of a JWT, and a margin
// for clocks that differ.
constexpr Seconds kPublishedAfter = kMaxTemporaryTtl + std::chrono::minutes(5);

}  // namespace

Seconds published_ahead(Seconds rotation) {
  return std::min<Seconds>(std::chrono::hours(1), rotation / 10);
}

std::size_t signing_key(ActiveFrom keys, WallTime now) {
  const auto next = std::ranges::upper_bound(keys, now);
  return next == keys.begin() ? 0 : static_cast<std::size_t>(next - keys.begin()) - 1;
}

KeyRingPlan plan_key_ring(ActiveFrom keys, WallTime now, Seconds rotation) {
  const Seconds ahead = published_ahead(rotation);
  if (keys.empty()) return {0, now, now + rotation - ahead};
  KeyRingPlan plan;
  while (plan.expired + 1 < keys.size() && keys[plan.expired + 1] + kPublishedAfter <= now)
    ++plan.expired;
  WallTime newest = keys.back();
  if (newest + rotation - ahead <= now)
    plan.add = newest = std::max(newest + rotation, now + ahead);
  plan.wake_at = newest + rotation - ahead;
  const bool one_left = plan.expired + 1 == keys.size() && !plan.add;
  if (!one_left) {
    const WallTime retired = plan.expired + 1 < keys.size() ? keys[plan.expired + 1] : newest;
    plan.wake_at = std::min(plan.wake_at, retired + kPublishedAfter);
  }
  return plan;
}

}  // namespace apitoken::core
