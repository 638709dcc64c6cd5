// What an ApiToken's status says in each state of its life: conditions, warnAt, ledger. Pure; plan_token decides the
// state.
#pragma once

#include <string>
#include <string_view>

#include "core/observed.hpp"

namespace apitoken::core {

// When warnings of a token that expires at `expires_at` begin under the configs in force, and which of their reminders
// concern it. A Temporary token is warned only by reminders shorter than its ttl.
std::vector<Seconds> concerning_reminders(const ExpiryConfig& config, TokenType type, Seconds ttl);
std::optional<WallTime> warn_at(const std::vector<const ExpiryConfig*>& configs, TokenType type, Seconds ttl,
                                WallTime expires_at);

// The status as it stands, carried over to now: generation, ledger with what was told.
api::ApiTokenStatus carried_over(const Observed& observed);

// Each sets all four conditions.
void set_valid(api::ApiTokenStatus& status, const Observed& observed, std::string_view note);
void set_pending(api::ApiTokenStatus& status, const Observed& observed, std::string message);
void set_expired(api::ApiTokenStatus& status, const Observed& observed);
// For what does not go on without a change by the user: InvalidSpec, SecretConflict, Revoked.
void set_stalled(api::ApiTokenStatus& status, const Observed& observed, std::string_view reason, std::string message);

}  // namespace apitoken::core
