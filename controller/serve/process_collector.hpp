// ProcessCollector: CPU time, memory, file descriptors and start time of this process, read from
// /proc at each scrape, under the names of all Prometheus client libraries. Values that cannot be
// read are left out.
#pragma once

#include <prometheus/collectable.h>

namespace apitoken::serve {

class ProcessCollector final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace apitoken::serve
