// Registers the series of each endpoint.
#include "verify/verify_metrics.hpp"

namespace apitoken::verify {
namespace {

constexpr std::array kEndpointNames{"tokenreview", "introspect", "auth"};
constexpr std::array kResultNames{"valid", "invalid", "denied", "malformed", "unavailable"};
const prometheus::Histogram::BucketBoundaries kBuckets{
    0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5};

}  // namespace

VerifyMetrics::VerifyMetrics() {
  auto& total = prometheus::BuildCounter()
                    .Name("apitoken_verifications_total")
                    .Help("Tokens presented for verification, by endpoint and result.")
                    .Register(registry_);
  auto& durations =
      prometheus::BuildHistogram()
          .Name("apitoken_verification_duration_seconds")
          .Help("How long answering took once the request was there, in seconds, by endpoint.")
          .Register(registry_);
  for (std::size_t endpoint = 0; endpoint < kEndpoints; ++endpoint) {
    durations_[endpoint] = &durations.Add({{"endpoint", kEndpointNames[endpoint]}}, kBuckets);
    for (std::size_t result = 0; result < kResults; ++result) {
      counters_[endpoint][result] =
          &total.Add({{"endpoint", kEndpointNames[endpoint]}, {"result", kResultNames[result]}});
    }
  }
}

void VerifyMetrics::verified(Endpoint endpoint, VerifyResult result,
                             std::chrono::duration<double> took) {
  const auto at = static_cast<std::size_t>(endpoint);
  counters_[at][static_cast<std::size_t>(result)]->Increment();
  durations_[at]->Observe(took.count());
}

}  // namespace apitoken::verify
