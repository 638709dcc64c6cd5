// The probes: /healthz shows that the process answers, /readyz whether it can work, and if not,
// why.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "serve/routes.hpp"

namespace apitoken::serve {

// The reasons for which the operator is not ready ("apitokens not listed yet"); empty if it is
// ready. Called on the server's thread.
using Unreadiness = std::function<std::vector<std::string>()>;

// 200 "ok", or 503 with a line "not ready: <reason>" for each reason.
Routes health_routes(Unreadiness unreadiness);

}  // namespace apitoken::serve
