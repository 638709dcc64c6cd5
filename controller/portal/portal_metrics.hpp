// PortalMetrics: counters about the portal's own work, for /metrics. Counting is safe on any
// thread; levels are asked for at each scrape.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.hpp"
#include "portal/upstream.hpp"

namespace apitoken::portal {

class PortalMetrics final : public prometheus::Collectable, public UpstreamObserver {
 public:
  explicit PortalMetrics(const std::string& version);

  // A request below /api was answered. `route` is a pattern of the route table; empty: refused
  // before any.
  void answered(std::string_view route, int status);
  // A request to the API server has ended.
  void request_done(std::string_view method, std::string_view code) override;
  void request_took(std::chrono::nanoseconds time) override;

  // Sources of levels; set before the metrics server starts.
  void watch_levels(std::function<std::size_t()> sessions, std::function<std::size_t()> streams);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  using Labels = std::pair<std::string, std::string>;
  prometheus::Counter& counter(prometheus::Family<prometheus::Counter>& family,
                               std::map<Labels, prometheus::Counter*>& known,
                               const char* first_label, Labels values) REQUIRES(mutex_);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Counter>& upstream_;
  prometheus::Histogram& upstream_seconds_;
  prometheus::Gauge& sessions_;
  prometheus::Gauge& streams_;
  std::function<std::size_t()> session_count_ = [] { return std::size_t(0); };
  std::function<std::size_t()> stream_count_ = [] { return std::size_t(0); };
  Mutex mutex_;
  std::map<Labels, prometheus::Counter*> known_requests_ GUARDED_BY(mutex_);
  std::map<Labels, prometheus::Counter*> known_upstream_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::portal
