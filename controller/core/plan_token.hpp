// plan_token: what is to be done about one ApiToken, from what was observed. A ladder of rules, the
// first that applies decides; then the status, the notices and the next wake-up follow. Pure: equal
// inputs give equal plans, and a plan that was carried out and observed gives an empty one.
//
// Order of writes: a value counts once its hash stands in the status. So issuing writes the Secret
// first, then the status; replacing a lost value takes that one's hash out of the status before.
// Rotating writes the status first, with the former value in `previous`, then the Secret: whatever
// a reader finds there verifies at every moment. Revoking clears the status first, then deletes the
// Secret.
#pragma once

#include <string_view>

#include "core/observed.hpp"
#include "core/plan.hpp"

namespace apitoken::core {

Plan plan_token(const Observed& observed);

// After the API server refused to let a value be minted: says so in the status and an Event.
Plan plan_mint_failure(const Observed& observed, std::string_view why);

}  // namespace apitoken::core
