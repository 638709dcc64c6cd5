// Metrics: the metrics about the operator's own work, one member each. Series whose labels have
// fixed values exist with value zero from the start. Counting is cheap and thread-safe. Levels
// (queue depth, oldest notice, last activity) are read at each scrape, on the metrics server's
// thread; their sources are set before that server starts and outlive it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "kube/client.hpp"
#include "serve/controller_metrics.hpp"

namespace apitoken::serve {

enum class MintKind { Issue, Rotate };

class Metrics final : public prometheus::Collectable, public kube::RequestObserver {
 public:
  Metrics(const Clock& clock, const std::string& version);

  ControllerMetrics& api_tokens() { return api_tokens_; }          // controller="apitoken"
  ControllerMetrics& expiry_configs() { return expiry_configs_; }  // controller="tokenexpiryconfig"

  void request_done(std::string_view method, std::string_view code) override;
  void minted(MintKind kind) { (kind == MintKind::Issue ? issued_ : rotated_).Increment(); }
  // channel: event or email; result: sent or error.
  void notices_done(std::string_view channel, std::string_view result, std::size_t count);
  // Whether the mint policy is in force; no value removes the series. Called on one thread.
  void set_mint_policy(std::optional<bool> present);
  // Without leader election a process leads from its start.
  void set_leader(bool leading) { leader_.Set(leading ? 1 : 0); }

  // The functions below set the sources of gauges, which are called at each scrape.
  void watch_queue(ControllerMetrics& controller, const kube::Workqueue& queue);
  void watch_oldest_pending(std::function<std::optional<WallTime>()> since);
  // How far this machine's clock is ahead of the API server's; empty while unknown.
  void watch_clock_skew(std::function<std::optional<Seconds>()> skew);
  // `last` returns when the watch on this resource (its plural name) last heard from the API
  // server. If each namespace has a watch of its own, that is the one silent longest.
  void watch_activity(const std::string& resource, std::function<WallTime()> last);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Clock& clock_;
  prometheus::Registry registry_;
  std::vector<std::function<void()>> refreshes_;

  ControllerMetrics api_tokens_;
  ControllerMetrics expiry_configs_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Counter& issued_;
  prometheus::Counter& rotated_;
  std::map<std::string, prometheus::Counter*, std::less<>> notices_;  // by "channel/result"
  prometheus::Gauge& oldest_pending_;
  prometheus::Family<prometheus::Gauge>& last_activity_;
  prometheus::Gauge& leader_;
  prometheus::Family<prometheus::Gauge>& mint_policy_;
  prometheus::Gauge* mint_policy_present_ = nullptr;  // set_mint_policy()'s thread; null: unknown
  prometheus::Gauge& clock_skew_;

  // The series of requests_ so far: by method, then by code.
  using ByCode = std::map<std::string, prometheus::Counter*, std::less<>>;
  SharedMutex requests_mutex_;
  std::map<std::string, ByCode, std::less<>> requests_by_method_ GUARDED_BY(requests_mutex_);
};

}  // namespace apitoken::serve
