// Rotation of one ApiToken: when it is due, what asked for it, and how long the former value goes
// on. Pure; plan_token decides with it.
#pragma once

#include <optional>
#include <string>

#include "api/api_token.hpp"

namespace apitoken::core {

bool rotates_automatically(const api::ApiTokenSpec& spec);

// How long the former value verifies after a rotation.
Seconds overlap(const api::ApiTokenSpec& spec);

// When a token of this ttl and end is to be rotated; nothing with the policy Manual.
// spec.rotation.before ahead of the end, or up to a tenth of it (and of what is left of the ttl)
// earlier: the share is drawn from the token's uid and end, so that tokens made together spread,
// and one token gets the same instant however often it is asked for.
std::optional<WallTime> automatic_rotation(const api::ApiToken& token, Seconds ttl,
                                           WallTime expires_at);

// From when on an automatic rotation that was not done is something to warn about.
WallTime rotation_overdue(WallTime rotate_at, WallTime expires_at);

// The value of the annotation that asks for a rotation, where it was not served yet.
struct RotationRequest {
  std::string value;
  bool is_time = false;  // RFC 3339; anything else is refused
};
std::optional<RotationRequest> rotation_request(const api::ApiToken& token);

// When spec.secret.deleteAfter takes, or took, the Secret of the present value away; nothing:
// never.
std::optional<WallTime> shown_until(const api::ApiTokenSpec& spec,
                                    const api::ApiTokenStatus& status);

}  // namespace apitoken::core
