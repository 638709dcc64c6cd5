// The ring of keys that sign JWTs, as times alone: which signs now, when the next one is made, when
// one goes. A key is published ahead of its use, so that verifiers which keep the key list for a
// while know it in time, and stays until the last token that it can have signed has expired. Pure;
// reconcile/jwt_keys carries it out.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "base/clock.hpp"

namespace apitoken::core {

inline constexpr Seconds kMinKeyRotation{60};
inline constexpr Seconds kDefaultKeyRotation{std::chrono::hours(720)};

// How long before its use a key is published: a tenth of the rotation, at most an hour.
Seconds published_ahead(Seconds rotation);

// Keys are given by the instant from which each signs, in that order.
using ActiveFrom = std::span<const WallTime>;

// Which key signs. Before the first one's time (a clock was set back) it is the first.
// Precondition: there is one.
std::size_t signing_key(ActiveFrom keys, WallTime now);

struct KeyRingPlan {
  std::size_t expired = 0;      // as many of the oldest go
  std::optional<WallTime> add;  // a new key is made, which signs from then on
  WallTime wake_at{};           // when there is something to do again, this plan carried out
  bool empty() const { return expired == 0 && !add; }
};
// Where there is no key at all the new one signs at once.
KeyRingPlan plan_key_ring(ActiveFrom keys, WallTime now, Seconds rotation);

}  // namespace apitoken::core
