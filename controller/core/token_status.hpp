// What an ApiToken's status says in each state of its life: conditions, warnAt, ledger. Pure;
// plan_token decides the state.
#pragma once

#include <string>
#include <string_view>

#include "core/lifetimes.hpp"
#include "core/observed.hpp"

namespace apitoken::core {

// The reminders of a config that apply to a token: those shorter than its ttl. If none is, a
// Temporary token has none, and a Permanent one has a single reminder of a third of its ttl.
std::vector<Seconds> concerning_reminders(const ExpiryConfig& config, TokenType type, Seconds ttl);
// The ceilings and defaults of the configs that match the token.
LifetimeRule lifetime_rule(const Observed& observed);
// The ttl in force.
Seconds ttl_in_force(const api::ApiTokenSpec& spec, const api::ApiTokenStatus& status);
// When warnings of the token begin under these configs: not before an automatic rotation is
// overdue.
std::optional<WallTime> warn_at(const std::vector<const ExpiryConfig*>& configs,
                                const api::ApiTokenSpec& spec, const api::ApiTokenStatus& status);
// Sets what follows from expires_at: rotate_at and warn_at.
void set_instants(api::ApiTokenStatus& status, const Observed& observed);

// The status as it stands, carried over to now: generation, ledger with what was told, a former
// value whose time is over gone.
api::ApiTokenStatus carried_over(const Observed& observed);

// Each sets Ready, and the other three conditions where they are True; what is not True is absent.
// `place`: where the value is to be had.
void set_valid(api::ApiTokenStatus& status, const Observed& observed, std::string_view place);
// Over a valid token: work is under way.
void set_reconciling(api::ApiTokenStatus& status, const Observed& observed,
                     const std::string& message);
// Over a valid token: nothing further is done without a change by the user, for the reason
// InvalidSpec.
void set_stuck(api::ApiTokenStatus& status, const Observed& observed, const std::string& message);
void set_pending(api::ApiTokenStatus& status, const Observed& observed, const std::string& message);
void set_expired(api::ApiTokenStatus& status, const Observed& observed);
// For what does not go on without a change by the user: InvalidSpec, SecretConflict, Revoked.
void set_stalled(api::ApiTokenStatus& status, const Observed& observed, std::string_view reason,
                 const std::string& message);

}  // namespace apitoken::core
