// The ring of keys that sign JWTs: which key signs now, when a key is added, when one is removed. A
// key is published before it signs, because verifiers cache the key list; it stays published until
// the last token that it can have signed has expired. Works on times alone. Pure;
// reconcile/jwt_keys carries the plan out.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "base/clock.hpp"

namespace apitoken::core {

inline constexpr Seconds kMinKeyRotation{60};
inline constexpr Seconds kDefaultKeyRotation{std::chrono::hours(720)};

// How long a key is published before it signs: a tenth of the rotation period, at most an hour.
Seconds published_ahead(Seconds rotation);

// A key is represented by the instant from which it signs. Ascending.
using ActiveFrom = std::span<const WallTime>;

// The index of the key that signs at `now`; the first key if `now` is before all of them, because a
// clock was set back. Precondition: `keys` is not empty.
std::size_t signing_key(ActiveFrom keys, WallTime now);

struct KeyRingPlan {
  std::size_t expired = 0;      // remove this many of the oldest keys
  std::optional<WallTime> add;  // add a key that signs from then on
  WallTime wake_at{};           // when to plan again after this plan
  bool empty() const { return expired == 0 && !add; }
};
// The first key of a ring signs at once.
KeyRingPlan plan_key_ring(ActiveFrom keys, WallTime now, Seconds rotation);

}  // namespace apitoken::core
