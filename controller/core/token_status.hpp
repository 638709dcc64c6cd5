// The status of an ApiToken in each state of its life: conditions, warnAt, ledger. Pure; plan_token
// decides the state.
#pragma once

#include <string>
#include <string_view>

#include "core/lifetimes.hpp"
#include "core/observed.hpp"

namespace apitoken::core {

// The reminders of a config for a token: those shorter than its ttl. If none is shorter, a
// Permanent token has one reminder, at a third of its ttl before expiry, and a Temporary token has
// none.
std::vector<Seconds> concerning_reminders(const ExpiryConfig& config, TokenType type, Seconds ttl);
// The defaults and ceilings of the configs that match the token.
LifetimeRule lifetime_rule(const Observed& observed);
// The ttl that the present expiry was computed with.
Seconds ttl_in_force(const api::ApiTokenSpec& spec, const api::ApiTokenStatus& status);
// When warnings about the token begin: at the first reminder, but not before an automatic rotation
// is overdue. Empty: no reminder.
std::optional<WallTime> warn_at(const std::vector<const ExpiryConfig*>& configs,
                                const api::ApiTokenSpec& spec, const api::ApiTokenStatus& status);
// Sets rotate_at and warn_at, which follow from expires_at.
void set_instants(api::ApiTokenStatus& status, const Observed& observed);

// The observed status, updated to now: generation, instants, delivered notices in the ledger, and
// no previous value whose overlap has ended.
api::ApiTokenStatus carried_over(const Observed& observed);

// The conditions of each state. ExpiringSoon, Reconciling and Stalled exist only while they are
// True.

// Ready. `place` says where the value is: "under key token of Secret ci".
void set_valid(api::ApiTokenStatus& status, const Observed& observed, std::string_view place);
// After set_valid(): the token is valid, and work is in progress.
void set_reconciling(api::ApiTokenStatus& status, const Observed& observed,
                     const std::string& message);
// After set_valid(): the token is valid, and the operator waits for a change by a user
// (InvalidSpec, SecretConflict).
void set_stuck(api::ApiTokenStatus& status, const Observed& observed, std::string_view reason,
               const std::string& message);
// Not Ready: work is in progress.
void set_pending(api::ApiTokenStatus& status, const Observed& observed, const std::string& message);
void set_expired(api::ApiTokenStatus& status, const Observed& observed);
// Not Ready: the operator waits for a change by a user (InvalidSpec, SecretConflict, Revoked).
void set_stalled(api::ApiTokenStatus& status, const Observed& observed, std::string_view reason,
                 const std::string& message);

}  // namespace apitoken::core
