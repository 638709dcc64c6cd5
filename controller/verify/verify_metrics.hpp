// VerifyMetrics: the metrics of the verification endpoints, which count on the HTTPS threads; the
// metrics page collects them. All series exist with value zero from the start.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <chrono>

namespace apitoken::verify {

enum class Endpoint { TokenReview, Introspect, Auth };
enum class VerifyResult {
  Valid,
  Invalid,
  Denied,       // the token lacks a scope, or the caller may not introspect
  Malformed,    // the request cannot be decoded
  Unavailable,  // the caller could not be reviewed
};

class VerifyMetrics final : public prometheus::Collectable {
 public:
  VerifyMetrics();

  void verified(Endpoint endpoint, VerifyResult result, std::chrono::duration<double> took);
  std::vector<prometheus::MetricFamily> Collect() const override { return registry_.Collect(); }

 private:
  static constexpr std::size_t kEndpoints = 3;
  static constexpr std::size_t kResults = 5;
  prometheus::Registry registry_;
  std::array<std::array<prometheus::Counter*, kResults>, kEndpoints>
      counters_{};  // by Endpoint, VerifyResult
  std::array<prometheus::Histogram*, kEndpoints> durations_{};
};

}  // namespace apitoken::verify
