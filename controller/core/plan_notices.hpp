// Which notices about one ApiToken are due, and when the next one will be. Pure; part of
// plan_token.
#pragma once

#include <optional>
#include <vector>

#include "core/observed.hpp"
#include "core/plan.hpp"

namespace apitoken::core {

struct DueNotices {
  std::vector<Tell> tell;  // at most one for each TokenExpiryConfig in force
  std::optional<WallTime> next;
};

// For a token with this status. What its ledger has is not due again; a token that rotates by
// itself has none before its rotation is overdue.
DueNotices due_notices(const Observed& observed, const api::ApiTokenStatus& status);

}  // namespace apitoken::core
