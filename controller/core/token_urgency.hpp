// token_urgency: how urgent it is to reconcile an ApiToken, by the object alone. The event handlers
// call it to queue a key. Pure; any thread.
#pragma once

#include "api/api_token.hpp"
#include "base/urgency.hpp"

namespace apitoken::core {

// Value: minting, rotation, revocation or expiry seems due. Notice: warnAt has passed. Cosmetic:
// neither.
Urgency token_urgency(const api::ApiToken& token, WallTime now);

// The urgency of a change. A new generation is Value. New labels are at least Notice: they may
// change which configs apply.
Urgency change_urgency(const api::ApiToken& before, const api::ApiToken& after, WallTime now);

// Only the status changed, or metadata that no plan depends on. The operator's own status writes
// come back as such changes.
bool is_status_change(const api::ApiToken& before, const api::ApiToken& after);

}  // namespace apitoken::core
