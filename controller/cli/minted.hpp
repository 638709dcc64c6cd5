// The end of create, login and rotate: wait for the value, and show it to those it is meant for.
// Main thread.
#pragma once

#include <string>

#include "cli/await.hpp"
#include "core/jwe.hpp"

namespace apitoken::cli {

struct Minting {
  std::string name;  // of the ApiToken
  std::string verb;  // "created"
  // True once the status answers what was asked for; a Failure where it never will.
  std::function<Outcome<bool>(const api::ApiToken&)> minted;
  std::string on_timeout;  // what stays, and how to look: ends the message
  const core::OneTimeKey* key =
      nullptr;  // opens a sealed value; null: the value is to be had in the Secret, if at all
};

// Whether the command prints the value, by --output, --show-value, --wait and the terminal.
bool shows_value(const Options& options, const Terminal& terminal);

// Before anything is asked for: a Failure where the value is to be shown and the user may not read
// the Secret that will hold it in clear. A token that works and that nobody sees is no use.
Outcome<void> check_value_can_be_shown(Cluster& cluster, const Terminal& terminal,
                                       const Options& options, const std::string& secret_name);

// Waits until it is minted and, where the value is to be shown, until status or Secret holds it.
// Then says what was done and prints what --output, --show-value and the terminal ask for.
Outcome<ExitCode> await_and_show(Cluster& cluster, const Terminal& terminal, const Options& options,
                                 const Minting& minting);

// "expires 2027-02-23T01:20:00Z (in 90d)", or what stands in its place.
std::string expiry_text(const api::ApiTokenStatus& status, WallTime now);

}  // namespace apitoken::cli
