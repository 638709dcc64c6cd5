// Rotation of one ApiToken: when it is due, who requested it, and how long the previous value
// works. Pure; plan_token uses it.
#pragma once

#include <optional>
#include <string>

#include "api/api_token.hpp"

namespace apitoken::core {

bool rotates_automatically(const api::ApiTokenSpec& spec);

// How long the previous value verifies after a rotation.
Seconds overlap(const api::ApiTokenSpec& spec);

// When a token with this ttl and expiry rotates automatically; empty for the policy Manual. The
// instant is spec.rotation.before ahead of the expiry, or up to a tenth earlier (a tenth of
// `before` and of the rest of the ttl, the lesser of the two). A hash of uid and expiry chooses how
// much earlier: tokens created together spread, and each call for one token gives the same instant.
std::optional<WallTime> automatic_rotation(const api::ApiToken& token, Seconds ttl,
                                           WallTime expires_at);

// The instant at which a due rotation counts as overdue: warnings begin.
WallTime rotation_overdue(WallTime rotate_at, WallTime expires_at);

// The annotation that requests a rotation, if its value was neither served nor ignored.
struct RotationRequest {
  std::string value;
  bool is_time = false;  // RFC 3339; other values are ignored
};
std::optional<RotationRequest> rotation_request(const api::ApiToken& token);

// When spec.secret.deleteAfter deletes, or deleted, the Secret of the present value: until then the
// value is shown. Empty: never.
std::optional<WallTime> shown_until(const api::ApiTokenSpec& spec,
                                    const api::ApiTokenStatus& status);

}  // namespace apitoken::core
