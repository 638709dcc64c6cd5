// The page at /metrics: what the sources collect at the moment of the request, in Prometheus' text format.
#pragma once

#include <prometheus/collectable.h>

#include <vector>

#include "serve/http_server.hpp"

namespace apitoken::serve {

// The sources outlive the server. They are written one after the other, so that at most one is in memory as a whole.
HttpRoutes metrics_routes(std::vector<const prometheus::Collectable*> sources);

}  // namespace apitoken::serve
