// Waiting for the operator: asks for an ApiToken again and again until it is as wanted, says
// meanwhile what it stands at, and gives up in good time. Called by commands, on the main thread.
#pragma once

#include <functional>
#include <string>

#include "cli/cluster.hpp"
#include "cli/terminal.hpp"

namespace apitoken::cli {

struct Wait {
  std::string name;  // of the ApiToken
  Seconds timeout{};
  // True once done; a Failure where it will never be.
  std::function<Outcome<bool>(const ShownToken&)> done;
  std::string on_timeout;  // what stays, and how to look: ends the message
};

// The token as it was when done. A connection that fails meanwhile is tried again until the time is
// up.
Outcome<ShownToken> await(Cluster& cluster, const Terminal& terminal, const Wait& wait);

// What a token stands at: "Pending: …", "no answer from apitoken-operator yet".
std::string state_of(const api::ApiToken& token);

// True where the status answers the present spec and the token works; a Failure where the operator
// says that it never will without a change (Stalled).
Outcome<bool> is_minted(const api::ApiToken& token);

// Revoked, and the operator has acted: the value is void and its Secret deleted.
bool is_void(const api::ApiToken& token);

}  // namespace apitoken::cli
