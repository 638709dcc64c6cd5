// watch_from: a WATCH of one resource that goes on where the API server ends it: by its time limit,
// or because there are more changes than we read.
// Shared watches and the stream of the settings call it, on their own threads. It keeps nothing and
// lists nothing.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "api/json.hpp"
#include "kube/client.hpp"
#include "portal/problem.hpp"

namespace apitoken::portal {

// A watch that ends sooner without a change is not tried again at once.
inline constexpr std::chrono::seconds kTooShort{1};

// A watch of `resource` from `version` until it ends for good or `stop` comes. `tell` gets each
// change, and returns false to end it. Returns what broke; empty: `tell` or `stop` ended it, or the
// version is too old, so that the caller lists again.
std::optional<Problem> watch_from(kube::Client& client, const kube::Resource& resource,
                                  const std::string& ns, std::string version,
                                  const std::string& selector, const std::stop_token& stop,
                                  const std::function<bool(bool removed, api::Json)>& tell);

Problem unreadable_answer(std::string_view what);

}  // namespace apitoken::portal
