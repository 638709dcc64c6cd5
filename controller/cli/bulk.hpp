// Bulk: rotate and revoke of several ApiTokens: which ones, one question, a line for each, and a
// count at the end. One that fails does not stop the others. Main thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/cluster.hpp"
#include "cli/terminal.hpp"

namespace apitoken::cli {

// The command acts on several ApiTokens: it names more than one, or selects them by flags.
bool is_bulk(const Invocation& invocation);

struct BulkAction {
  std::string verb;      // "revoked"
  std::string question;  // "Revoke 3 ApiTokens …?"; {} stands for "3 ApiTokens of namespace team-a"
  // True for a token for which the request was served.
  using Served = std::function<Outcome<bool>(const ShownToken&)>;
  // Sends the request for one ApiToken.
  std::function<Outcome<Served>(const ShownToken&)> request;
};

// Selects, asks, requests for all, then waits for all within --timeout. Failed if one failed.
Outcome<ExitCode> act_on_all(Cluster& cluster, const Terminal& terminal,
                             const Invocation& invocation, const BulkAction& action);

}  // namespace apitoken::cli
