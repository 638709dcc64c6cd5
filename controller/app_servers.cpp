// App's ports, in every replica: metrics and the collectors behind them, probes, verification.
#include "app_parts.hpp"
#include "serve/health.hpp"
#include "serve/metrics_page.hpp"
#include "serve/process_collector.hpp"

namespace apitoken {

void App::Parts::set_up_metrics() {
  metrics.api_tokens().set_workers(config.workers);
  metrics.expiry_configs().set_workers(1);
  metrics.watch_queue(metrics.api_tokens(), queues.tokens);
  metrics.watch_queue(metrics.expiry_configs(), queues.configs);
  metrics.watch_clock_skew([this] { return clock.skew(); });
  metrics.watch_oldest_pending([this] { return dispatcher.oldest_pending(); });
  std::map<std::string, std::vector<std::function<WallTime()>>> by_resource;
  for (const Watch& watch : watches) by_resource[watch.name].push_back(watch.last_activity);
  for (auto& [resource, all] : by_resource) {
    metrics.watch_activity(resource, [all = std::move(all)] {
      WallTime oldest = all.front()();
      for (const auto& last : all) oldest = std::min(oldest, last());
      return oldest;
    });
  }
  collectors.push_back(std::make_unique<serve::ProcessCollector>());
  const serve::VisitTokensAfter visit_after = [this](const api::ObjectKey& key, std::size_t most,
                                                     const serve::VisitToken& visit) {
    return stores.tokens.skim_after(key, most, visit);
  };
  auto fleet = std::make_unique<serve::FleetCollector>(clock, visit_after,
                                                       [this] { return stores.tokens.changes(); });
  const auto no_rotations = [fleet = fleet.get()] { return !fleet->has_unfinished_rotations(); };
  collectors.push_back(std::move(fleet));
  if (!config.per_token_metrics) return;
  using Family = serve::TokenFamily;
  const auto add = [&](Family family, auto... is_empty) {
    token_collectors.push_back(
        std::make_unique<serve::TokenCollector>(family, visit_after, is_empty...));
  };
  add(Family::Expiration);
  add(Family::Warning);
  add(Family::Rotation, no_rotations);
  add(Family::About);
}

Status App::Parts::start_metrics() {
  serve::MetricSources sources{{&metrics, &verification.metrics()}};
  for (const auto& collector : collectors) sources.small.push_back(collector.get());
  for (const auto& collector : token_collectors) sources.large.push_back(collector.get());
  const bool secure = config.metrics_secure;
  if (secure) reading_metrics.start();
  metrics_server.emplace(
      serve::HttpServer::Settings{.limits = serve::kMetricsLimits,
                                  .certificate = secure ? &metrics_certificate : nullptr},
      serve::metrics_routes(std::move(sources), secure ? &reading_metrics : nullptr));
  return metrics_server->start("--metrics-bind-address", config.metrics_bind_address);
}

Status App::Parts::start_servers() {
  TRY(start_metrics());
  health_server.emplace(serve::HttpServer::Settings{.limits = serve::kProbeLimits},
                        serve::health_routes([this] { return unfitness(); }));
  TRY(health_server->start("--health-probe-bind-address", config.health_probe_bind_address));
  TRY(verification.start(config.verify_bind_address));
  if (!metrics_server->address().empty()) {
    log::info("serving metrics",
              {{"address", metrics_server->address()}, {"secure", config.metrics_secure}});
  }
  if (!health_server->address().empty())
    log::info("serving health probes", {{"address", health_server->address()}});
  if (!verification.address().empty())
    log::info("verifying tokens", {{"address", verification.address()}});
  return {};
}

}  // namespace apitoken
