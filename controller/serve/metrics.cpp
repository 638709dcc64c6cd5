// Registers each series, and counts.
#include "serve/metrics.hpp"

#include <algorithm>

namespace apitoken::serve {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

prometheus::Family<prometheus::Counter>& minted_family(prometheus::Registry& registry) {
  return BuildCounter()
      .Name("apitoken_minted_total")
      .Help("Tokens minted, by kind.")
      .Register(registry);
}

std::map<std::string, prometheus::Counter*, std::less<>> notice_counters(
    prometheus::Registry& registry) {
  auto& family =
      BuildCounter()
          .Name("apitoken_notices_total")
          .Help("Notices about expiring tokens, by channel; of errors each attempt counts.")
          .Register(registry);
  std::map<std::string, prometheus::Counter*, std::less<>> counters;
  for (const std::string channel : {"event", "email"}) {
    for (const std::string result : {"sent", "error"}) {
      counters[channel + "/" + result] = &family.Add({{"channel", channel}, {"result", result}});
    }
  }
  return counters;
}

}  // namespace

Metrics::Metrics(const Clock& clock, const std::string& version)
    : clock_(clock),
      api_tokens_(registry_, "apitoken"),
      expiry_configs_(registry_, "tokenexpiryconfig"),
      requests_(BuildCounter()
                    .Name("rest_client_requests_total")
                    .Help("Requests to the API server, by method and status code.")
                    .Register(registry_)),
      issued_(minted_family(registry_).Add({{"kind", "issue"}})),
      rotated_(minted_family(registry_).Add({{"kind", "rotate"}})),
      notices_(notice_counters(registry_)),
      oldest_pending_(BuildGauge()
                          .Name("apitoken_notice_oldest_pending_seconds")
                          .Help("How long the longest waiting notice has waited for its delivery, "
                                "in seconds; 0 when none waits.")
                          .Register(registry_)
                          .Add({})),
      last_activity_(BuildGauge()
                         .Name("apitoken_watch_last_activity_timestamp_seconds")
                         .Help("When the watch on this resource last heard from the API server, in "
                               "seconds since 1970.")
                         .Register(registry_)),
      leader_(BuildGauge()
                  .Name("leader_election_master_status")
                  .Help("1 if this replica leads, 0 if it is a follower.")
                  .Register(registry_)
                  .Add({{"name", "apitoken-operator"}})),
      mint_policy_(BuildGauge()
                       .Name("apitoken_mint_policy_present")
                       .Help("1 where the admission policy that decides who may mint is in force, "
                             "0 where it is not; no "
                             "series while the operator may not look.")
                       .Register(registry_)),
      clock_skew_(BuildGauge()
                      .Name("apitoken_clock_skew_seconds")
                      .Help("How far this machine's clock is ahead of the API server's, negative "
                            "if it is behind.")
                      .Register(registry_)
                      .Add({})) {
  BuildGauge()
      .Name("apitoken_build_info")
      .Help("Always 1; the label tells the operator's version.")
      .Register(registry_)
      .Add({{"version", version}})
      .Set(1);
}

void Metrics::request_done(std::string_view method, std::string_view code) {
  {
    const ReadLock lock(requests_mutex_);
    if (const auto by_code = requests_by_method_.find(method);
        by_code != requests_by_method_.end()) {
      if (const auto found = by_code->second.find(code); found != by_code->second.end()) {
        found->second->Increment();
        return;
      }
    }
  }
  auto& counter = requests_.Add({{"code", std::string(code)}, {"method", std::string(method)}});
  counter.Increment();
  const WriteLock lock(requests_mutex_);
  requests_by_method_[std::string(method)][std::string(code)] = &counter;
}

void Metrics::notices_done(std::string_view channel, std::string_view result, std::size_t count) {
  const auto found = notices_.find(std::string(channel) + "/" + std::string(result));
  if (found != notices_.end()) found->second->Increment(static_cast<double>(count));
}

void Metrics::set_mint_policy(std::optional<bool> present) {
  if (mint_policy_present_ != nullptr && !present) {
    mint_policy_.Remove(mint_policy_present_);
    mint_policy_present_ = nullptr;
  }
  if (!present) return;
  if (mint_policy_present_ == nullptr) mint_policy_present_ = &mint_policy_.Add({});
  mint_policy_present_->Set(*present ? 1 : 0);
}

void Metrics::watch_queue(ControllerMetrics& controller, const kube::Workqueue& queue) {
  refreshes_.push_back(
      [&controller, &queue] { controller.set_levels(queue.depth(), queue.unfinished()); });
}

void Metrics::watch_oldest_pending(std::function<std::optional<WallTime>()> since) {
  refreshes_.push_back([this, since = std::move(since)] {
    const auto time = since();
    const auto waited = time ? std::max(clock_.wall() - *time, Seconds(0)) : Seconds(0);
    oldest_pending_.Set(static_cast<double>(waited.count()));
  });
}

void Metrics::watch_clock_skew(std::function<std::optional<Seconds>()> skew) {
  refreshes_.push_back([this, skew = std::move(skew)] {
    clock_skew_.Set(static_cast<double>(skew().value_or(Seconds(0)).count()));
  });
}

void Metrics::watch_activity(const std::string& resource, std::function<WallTime()> last) {
  auto& series = last_activity_.Add({{"resource", resource}});
  refreshes_.push_back([&series, last = std::move(last)] {
    series.Set(static_cast<double>(last().time_since_epoch().count()));
  });
}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  for (const auto& refresh : refreshes_) refresh();
  return registry_.Collect();
}

}  // namespace apitoken::serve
