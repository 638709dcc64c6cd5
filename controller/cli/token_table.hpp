// ApiTokens as a table: filter, order, cells and colours. Pure; any thread.
#pragma once

#include <vector>

#include "cli/cluster.hpp"
#include "cli/table.hpp"

namespace apitoken::cli {

struct Columns {
  bool name_space = false;
  bool wide = false;
};

// By expiry, tokens without one last; then by namespace and name.
void sort_by_expiry(std::vector<ShownToken>& tokens);

// Keeps tokens that have expired or expire within `span`; removes all others, and revoked ones.
void keep_expiring(std::vector<ShownToken>& tokens, WallTime now, Seconds span);

std::vector<std::vector<Cell>> token_rows(const std::vector<ShownToken>& tokens, WallTime now,
                                          Columns columns);

// The colour of the condition Ready.
Colour colour_of(const api::ApiToken& token, WallTime now);

}  // namespace apitoken::cli
