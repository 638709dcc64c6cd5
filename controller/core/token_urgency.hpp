// token_urgency: how urgent a look at an ApiToken is, by the object alone. Event handlers ask it
// before they queue a key. Pure; any thread.
#pragma once

#include "api/api_token.hpp"
#include "base/urgency.hpp"

namespace apitoken::core {

// Value: something about its value seems due (to mint, rotate, revoke or expire). Notice: it is
// past warnAt.
Urgency token_urgency(const api::ApiToken& token, WallTime now);

// The same for a change. A new generation is Value; new labels may change which configs apply, and
// count as Notice.
Urgency change_urgency(const api::ApiToken& before, const api::ApiToken& after, WallTime now);

// True if nothing but the status (and metadata that nobody plans by) changed: what an own write
// brings back.
bool is_status_change(const api::ApiToken& before, const api::ApiToken& after);

}  // namespace apitoken::core
