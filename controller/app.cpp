// Starts the parts of the operator and stops them.
#include "app.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app_parts.hpp"
#include "base/memory.hpp"
#include "program/process.hpp"

namespace apitoken {

App::App(const Config& config, std::unique_ptr<kube::Credentials> credentials)
    : parts_(std::make_unique<Parts>(config, std::move(credentials))) {}

App::~App() = default;

int App::run() {
  Parts& parts = *parts_;
  limit_free_heap();
  parts.set_up_watches();
  parts.set_up_metrics();
  if (const auto started = parts.start_servers(); !started) {
    log::error(started.error().message);
    return 1;
  }
  const auto& namespaces = parts.config.namespaces;
  log::info(
      "starting",
      {{"version", APITOKEN_VERSION},
       {"server", parts.credentials->server()},
       {"namespaces", namespaces.empty() ? "all" : fmt::format("{}", fmt::join(namespaces, ","))},
       {"operator_namespace", parts.operator_namespace},
       {"dry_run", parts.config.dry_run}});
  parts.start_watches();
  const bool elects = parts.config.leader_elect && !parts.config.dry_run;
  if (elects) {
    parts.metrics.set_leader(false);
    parts.electing = std::jthread([&parts](std::stop_token stop) { parts.elect(std::move(stop)); });
  } else {
    parts.start_leading();
  }
  wait_for_signal();
  if (elects) {
    parts.electing.request_stop();
    parts.electing.join();
  } else {
    parts.stop_leading();
  }
  parts.verification.stop();
  for (auto& thread : parts.watching) thread.request_stop();
  parts.watching.clear();
  parts.reading_metrics.stop();
  parts.metrics_server->stop();
  parts.health_server->stop();
  log::info("stopped");
  return parts.lost ? 1 : 0;
}

}  // namespace apitoken
