// Waits for the operator: polls an ApiToken until a condition holds or the time-out passes, and
// shows its state meanwhile. Commands call it, on the main thread.
#pragma once

#include <functional>
#include <string>

#include "cli/cluster.hpp"
#include "cli/terminal.hpp"

namespace apitoken::cli {

struct Wait {
  std::string name;  // of the ApiToken
  Seconds timeout{};
  // True: the wait ends. A Failure ends the wait with that Failure.
  std::function<Outcome<bool>(const ShownToken&)> done;
  std::string on_timeout;  // the end of the time-out message: what remains, and how to look
};

// Returns the token for which `done` was true. Retries after failed connections until the time-out.
Outcome<ShownToken> await(Cluster& cluster, const Terminal& terminal, const Wait& wait);

// The state of a token, for people: "Pending: …", "no answer from apitoken-operator yet; …".
std::string state_of(const api::ApiToken& token);

// True: the status answers the present spec, and the token is Ready. A Failure: the operator waits
// for a change of the spec (Stalled), or the token is being deleted.
Outcome<bool> is_minted(const api::ApiToken& token);

// The time to put into an annotation that requests something of the operator: now, but later than
// the last request, because each value is served once.
WallTime next_request(const api::ObjectMeta& meta, std::string_view annotation, WallTime now);

// The operator has revoked the token: its value is invalid.
bool is_revocation_done(const api::ApiToken& token);

}  // namespace apitoken::cli
