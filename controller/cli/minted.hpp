// The end of create, login and rotate: wait for the value, and show it to those it is meant for. Main thread.
#pragma once

#include <string_view>

#include "cli/await.hpp"

namespace apitoken::cli {

// Waits until `minted` holds of the ApiToken `name` and, where the value is to be shown, until its Secret holds it.
// Then says that it was `verb` ("created") and prints what --output, --show-value and the terminal ask for.
Outcome<ExitCode> await_and_show(Cluster& cluster, const Terminal& terminal, const Options& options,
                                 const std::string& name, std::string_view verb,
                                 const std::function<Outcome<bool>(const ShownToken&)>& minted);

// "expires 2027-02-23T01:20:00Z (in 90d)", or what stands in its place.
std::string expiry_text(const api::ApiTokenStatus& status, WallTime now);

}  // namespace apitoken::cli
