// Many ApiTokens as a table: which, in which order, in which colours. Pure; any thread.
#pragma once

#include <vector>

#include "cli/cluster.hpp"
#include "cli/table.hpp"

namespace apitoken::cli {

struct Columns {
  bool name_space = false;
  bool wide = false;
};

// What expires first comes first; what has no expiry comes last; then by namespace and name.
void sort_by_expiry(std::vector<ShownToken>& tokens);

// Leaves those that have expired or will within `span`, without the revoked.
void keep_expiring(std::vector<ShownToken>& tokens, WallTime now, Seconds span);

std::vector<std::vector<Cell>> token_rows(const std::vector<ShownToken>& tokens, WallTime now,
                                          Columns columns);

// How a condition Ready is coloured.
Colour colour_of(const api::ApiToken& token, WallTime now);

}  // namespace apitoken::cli
