// Registers the portal's series, and counts.
#include "portal/portal_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

namespace apitoken::portal {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

const prometheus::Histogram::BucketBoundaries kSeconds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                       0.5,   1,    2.5,   5,    10};

}  // namespace

PortalMetrics::PortalMetrics(const std::string& version)
    : requests_(BuildCounter()
                    .Name("portal_requests_total")
                    .Help("Requests below /api, by route and status.")
                    .Register(registry_)),
      upstream_(BuildCounter()
                    .Name("rest_client_requests_total")
                    .Help("Requests to the API server, by method and status.")
                    .Register(registry_)),
      upstream_seconds_(BuildHistogram()
                            .Name("portal_upstream_seconds")
                            .Help("How long the API server took to answer; watches apart.")
                            .Register(registry_)
                            .Add({}, kSeconds)),
      sessions_(BuildGauge()
                    .Name("portal_sessions")
                    .Help("Sessions of people who are signed in.")
                    .Register(registry_)
                    .Add({})),
      streams_(BuildGauge()
                   .Name("portal_streams")
                   .Help("Streams to open pages.")
                   .Register(registry_)
                   .Add({})) {
  BuildGauge()
      .Name("portal_build_info")
      .Help("1, with the version of the portal.")
      .Register(registry_)
      .Add({{"version", version}})
      .Set(1);
}

prometheus::Counter& PortalMetrics::counter(prometheus::Family<prometheus::Counter>& family,
                                            std::map<Labels, prometheus::Counter*>& known,
                                            const char* first_label, Labels values) {
  auto& place = known[values];
  if (place == nullptr) place = &family.Add({{first_label, values.first}, {"code", values.second}});
  return *place;
}

void PortalMetrics::answered(std::string_view route, int status) {
  const std::string pattern(route.empty() ? "none" : route);
  const MutexLock lock(mutex_);
  counter(requests_, known_requests_, "route", {pattern, std::to_string(status)}).Increment();
}

void PortalMetrics::request_done(std::string_view method, std::string_view code) {
  const MutexLock lock(mutex_);
  counter(upstream_, known_upstream_, "method", {std::string(method), std::string(code)})
      .Increment();
}

void PortalMetrics::request_took(std::chrono::nanoseconds time) {
  upstream_seconds_.Observe(std::chrono::duration<double>(time).count());
}

void PortalMetrics::watch_levels(std::function<std::size_t()> sessions,
                                 std::function<std::size_t()> streams) {
  session_count_ = std::move(sessions);
  stream_count_ = std::move(streams);
}

std::vector<prometheus::MetricFamily> PortalMetrics::Collect() const {
  sessions_.Set(static_cast<double>(session_count_()));
  streams_.Set(static_cast<double>(stream_count_()));
  return registry_.Collect();
}

}  // namespace apitoken::portal
