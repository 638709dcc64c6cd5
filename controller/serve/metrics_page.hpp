// The page /metrics: the families that the sources collect at the moment of the request, in
// Prometheus' text format.
#pragma once

#include <prometheus/collectable.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "serve/routes.hpp"

namespace apitoken::serve {

// A source of one family that may have too many series to be in memory at once.
class PartwiseSource {
 public:
  // Writes the family's text part by part, for one page.
  class Parts {
   public:
    virtual ~Parts() = default;
    // Appends the next part to `text`. False if that was the last one. Does not wait.
    virtual bool write_part(std::string& text) = 0;
  };

  virtual ~PartwiseSource() = default;
  // Null if the family has no series now.
  virtual std::unique_ptr<Parts> begin() const = 0;
};

// What a page consists of. The sources outlive the server.
struct MetricSources {
  std::vector<const prometheus::Collectable*> small{};
  // They follow the small ones. Their parts are written while the page is sent, so that a reader
  // costs the memory of one part.
  std::vector<const PartwiseSource*> large{};
};

// Readers need `permission`; null: everybody may read.
Routes metrics_routes(MetricSources sources, CallerAuthorization* permission = nullptr);

}  // namespace apitoken::serve
