// ConfigWorker: keeps the status of TokenExpiryConfigs up to date. run() is the body of one thread.
// Its only request is the patch of the status.
#pragma once

#include "base/failure_log.hpp"
#include "core/plan_expiry_config.hpp"
#include "kube/client.hpp"
#include "notify/dispatcher.hpp"
#include "reconcile/config_table.hpp"
#include "reconcile/queues.hpp"
#include "reconcile/stale_views.hpp"
#include "reconcile/status_pace.hpp"
#include "reconcile/token_counter.hpp"
#include "serve/controller_metrics.hpp"

namespace apitoken::reconcile {

class ConfigWorker {
 public:
  ConfigWorker(kube::Workqueue& queue, kube::Client& client, Stores& stores,
               const ConfigTable& table, notify::Dispatcher& dispatcher,
               serve::ControllerMetrics& metrics, const Clock& clock,
               std::string operator_namespace, std::string self, bool dry_run,
               StaleViews& stale_views)
      : queue_(queue),
        client_(client),
        stores_(stores),
        table_(table),
        dispatcher_(dispatcher),
        metrics_(metrics),
        clock_(clock),
        operator_namespace_(std::move(operator_namespace)),
        self_(std::move(self)),
        dry_run_(dry_run),
        stale_views_(stale_views),
        counter_(stores, clock) {}

  void run(std::stop_token stop);

 private:
  serve::ReconcileResult reconcile(const api::ObjectKey& key, std::stop_token stop);
  serve::ReconcileResult requeue(const api::ObjectKey& key, const Error& error);
  core::ObservedConfig observe(const api::TokenExpiryConfig& object,
                               const core::ExpiryConfig& config,
                               const TokenCounter::Counts& counts) const;
  std::vector<std::string> missing_secrets(const core::ExpiryConfig& config) const;
  core::ObservedDelivery observe_delivery(const std::string& config) const;
  // How long the status must wait before it is written; zero: write now.
  SteadyDuration hold_back(const api::TokenExpiryConfig& config,
                           const api::TokenExpiryConfigStatus& status);
  Status patch(const api::TokenExpiryConfig& config, const api::TokenExpiryConfigStatus& status,
               std::stop_token stop);

  kube::Workqueue& queue_;
  kube::Client& client_;
  Stores& stores_;
  const ConfigTable& table_;
  notify::Dispatcher& dispatcher_;
  serve::ControllerMetrics& metrics_;
  const Clock& clock_;
  const std::string operator_namespace_;
  const std::string self_;  // this operator, in the words of a status
  const bool dry_run_;
  StaleViews& stale_views_;
  TokenCounter counter_;
  StatusPace pace_;
  FailureLog failure_log_{"status of a TokenExpiryConfig not written, trying again",
                          "statuses of TokenExpiryConfigs are written again"};
};

}  // namespace apitoken::reconcile
