// Which notices about one ApiToken are due now, and when the next one will be. Pure; a part of
// plan_token.
#pragma once

#include <optional>
#include <vector>

#include "core/observed.hpp"
#include "core/plan.hpp"

namespace apitoken::core {

struct DueNotices {
  std::vector<SubmitNotice> notices;  // at most one for each TokenExpiryConfig in force
  std::optional<WallTime> next;       // when the next notice becomes due; empty: never
};

// The notices of a token with this status that are not in its ledger. A token with automatic
// rotation has none before its rotation is overdue.
DueNotices due_notices(const Observed& observed, const api::ApiTokenStatus& status);

}  // namespace apitoken::core
