// The probes: /healthz says that the process answers, /readyz whether it can do its work, and if
// not, why.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "serve/routes.hpp"

namespace apitoken::serve {

// Why the operator is not ready ("apitokens not listed yet"), one reason an element; empty: it is.
// Called on the server's thread.
using Unreadiness = std::function<std::vector<std::string>()>;

// 200 "ok", or 503 with a line "not ready: <reason>" for each reason.
Routes health_routes(Unreadiness unreadiness);

}  // namespace apitoken::serve
