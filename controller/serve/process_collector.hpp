// ProcessCollector: CPU time, memory, file descriptors and start of this process, read from /proc
// at each scrape, under the names that every Prometheus client library uses. What cannot be read is
// left out.
#pragma once

#include <prometheus/collectable.h>

namespace apitoken::serve {

class ProcessCollector final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace apitoken::serve
