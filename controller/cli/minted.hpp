// The last part of create, login and rotate: waits for the value and shows it. Main thread.
#pragma once

#include <string>

#include "cli/await.hpp"
#include "core/jwe.hpp"

namespace apitoken::cli {

struct Minting {
  std::string name;  // of the ApiToken
  std::string verb;  // "created"
  // True: the operator has served the request. A Failure: it never will.
  std::function<Outcome<bool>(const api::ApiToken&)> minted;
  std::string on_timeout;  // the end of the time-out message; see Wait
  // Decrypts a sealed value; null: the value is in the Secret.
  const core::OneTimeKey* key = nullptr;
};

// The command prints the value, by --output, --show-value, --wait and the terminal.
bool shows_value(const Options& options, const Terminal& terminal);

// Called before the request is sent. A Failure if the command must show the value and the user may
// not read the Secret that will hold it.
Outcome<void> check_value_can_be_shown(Cluster& cluster, const Terminal& terminal,
                                       const Options& options, const std::string& secret_name);

// Waits until the value is minted and, if it must be shown, until status or Secret holds it. Then
// prints the result in the format of --output.
Outcome<ExitCode> await_and_show(Cluster& cluster, const Terminal& terminal, const Options& options,
                                 const Minting& minting);

// "expires 2027-02-23T01:20:00Z (in 90d)", "expired … (2h ago)", "no expiry yet".
std::string expiry_text(const api::ApiTokenStatus& status, WallTime now);

}  // namespace apitoken::cli
