// plan_token: decides what to do about one ApiToken. The rules form a ladder: the first rule
// that applies makes the plan. Pure: equal inputs give equal plans, and the plan for an object on
// which a plan was carried out is empty. reconcile/token_worker calls it, on any thread.
//
// Order of writes. A value verifies once its hash is in the status.
// - Issue: write the Secret, then the status.
// - Replace a lost value: remove its hash from the status, then issue.
// - Rotate: write the status, with the previous value in `previous`, then the Secret. Every value
//   that a reader finds in the Secret verifies, at every moment.
// - Revoke: clear the status, then delete the Secret.
#pragma once

#include <string_view>

#include "core/observed.hpp"
#include "core/plan.hpp"

namespace apitoken::core {

Plan plan_token(const Observed& observed);

// The plan after the API server refused a write of a minting: reports the error `why` in the status
// and in an Event.
Plan plan_mint_failure(const Observed& observed, std::string_view why);

}  // namespace apitoken::core
