// The page /metrics: the families that the sources collect at the moment of the request, in
// Prometheus' text format.
#pragma once

#include <prometheus/collectable.h>

#include <functional>
#include <vector>

#include "serve/routes.hpp"

namespace apitoken::serve {

// A source of one family that may have too many series to be in memory at once: it is collected in
// parts.
class PartwiseSource : public prometheus::Collectable {
 public:
  using Tell =
      std::function<void(const std::vector<prometheus::MetricFamily>& part)>;  // of one family
  virtual void collect_parts(const Tell& tell) const = 0;
  // All parts as one family; empty if there is no series.
  std::vector<prometheus::MetricFamily> Collect() const final;
};

// The sources outlive the server. They are written one after the other, so that only one part is in
// memory. `permission` is demanded of readers; null: everybody may read.
Routes metrics_routes(std::vector<const prometheus::Collectable*> sources,
                      CallerAuthorization* permission = nullptr);

}  // namespace apitoken::serve
