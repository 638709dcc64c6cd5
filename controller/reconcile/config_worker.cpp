// Reconciles one TokenExpiryConfig.
#include "reconcile/config_worker.hpp"

#include <fmt/format.h>

#include "api/names.hpp"
#include "base/log.hpp"
#include "kube/classify_error.hpp"
#include "kube/decode_body.hpp"
#include "reconcile/work_loop.hpp"

namespace apitoken::reconcile {

using serve::ReconcileResult;

void ConfigWorker::run(std::stop_token stop) {
  work_loop(queue_, metrics_, stop,
            [&](const api::ObjectKey& key) { return reconcile(key, stop); });
}

ReconcileResult ConfigWorker::reconcile(const api::ObjectKey& key, std::stop_token stop) {
  const auto object = stores_.configs.get(key);
  const auto list = table_.snapshot();
  const auto* config = find_config(*list, key.name);
  if (!object || !config || object->meta.deleted) {
    pace_.remove(key.name);
    stale_views_.ended(key);
    queue_.cancel(key);
    queue_.reset_backoff(key);
    return ReconcileResult::Success;
  }
  const auto counted = counter_.count(list, *config);
  core::ConfigPlan plan = core::plan_expiry_config(observe(*object, *config, counted.counts));
  if (counted.next_change) queue_.add_at(key, *counted.next_change);
  if (counted.again) queue_.add_after(key, *counted.again);
  if (dry_run_) {
    if (plan.status) log::info("dry run, would patch the status", {{"name", key.name}});
    return ReconcileResult::Success;
  }
  if (plan.test_mail)
    dispatcher_.request_test_mail(
        {key.name, plan.test_mail->requested_at, plan.test_mail->recipients},
        plan.test_mail->delay);
  if (plan.status) {
    if (const auto wait = hold_back(*object, *plan.status); wait > SteadyDuration::zero()) {
      queue_.add_after(key, wait);
      return ReconcileResult::RequeueAfter;
    }
  }
  for (api::Event& event : plan.events) dispatcher_.post_event(std::move(event), true);
  if (plan.status) {
    const Status done = patch(*object, *plan.status, stop);
    if (!done) return requeue(key, done.error());
    failure_log_.succeeded();
  }
  stale_views_.ended(key);
  queue_.reset_backoff(key);
  return counted.next_change || counted.again ? ReconcileResult::RequeueAfter
                                              : ReconcileResult::Success;
}

core::ObservedConfig ConfigWorker::observe(const api::TokenExpiryConfig& object,
                                           const core::ExpiryConfig& config,
                                           const TokenCounter::Counts& counts) const {
  return {clock_.wall(),
          object,
          config,
          counts.matched,
          counts.expiring,
          missing_secrets(config),
          operator_namespace_,
          observe_delivery(config.name),
          counts.skipped,
          dispatcher_.test_mail(config.name),
          pace_.is_disputed(config.name) ? self_ : ""};
}

ReconcileResult ConfigWorker::requeue(const api::ObjectKey& key, const Error& error) {
  const auto fate = kube::classify_error(error.kind);
  if (fate == kube::Fate::Canceled) return ReconcileResult::Success;
  queue_.add_rate_limited(key);
  if (fate == kube::Fate::StaleView) {
    stale_views_.failed(key, error);
    return ReconcileResult::Requeue;
  }
  stale_views_.ended(key);
  failure_log_.failed(error, {{"name", key.name}});
  return ReconcileResult::Error;
}

SteadyDuration ConfigWorker::hold_back(const api::TokenExpiryConfig& config,
                                       const api::TokenExpiryConfigStatus& status) {
  const auto verdict = pace_.before_write(config, status, clock_.steady());
  if (verdict.found_second_operator) {
    log::warn(
        "another operator writes the status of this TokenExpiryConfig too: let one operator serve "
        "all namespaces, or give each its own TokenExpiryConfigs",
        {{"name", config.meta.name}});
  }
  return verdict.wait;
}

std::vector<std::string> ConfigWorker::missing_secrets(const core::ExpiryConfig& config) const {
  std::vector<std::string> missing;
  if (!config.smtp) return missing;
  for (const std::string& name : {config.smtp->credentials_secret, config.smtp->ca_secret}) {
    if (!name.empty() && !stores_.operator_secrets.get({operator_namespace_, name}))
      missing.push_back(name);
  }
  return missing;
}

core::ObservedDelivery ConfigWorker::observe_delivery(const std::string& config) const {
  const notify::DeliveryReport report = dispatcher_.report(config);
  core::ObservedDelivery delivery{
      report.pending_notices,
      report.last_success,
      report.last_error,
      report.settings_failed && report.error_kind == ErrorKind::NotFound,
      report.settings_failed && report.error_kind == ErrorKind::Invalid,
      report.login_works,
      {}};
  for (const notify::Refusal& refusal : report.refused) {
    delivery.refusals.push_back(fmt::format("{}: {}", refusal.address, refusal.text));
  }
  return delivery;
}

Status ConfigWorker::patch(const api::TokenExpiryConfig& config,
                           const api::TokenExpiryConfigStatus& status, std::stop_token stop) {
  const auto body = api::encode_status_patch(config.meta, status);
  const auto answer = client_.merge_patch(kube::resources::kTokenExpiryConfigs, config.meta.key(),
                                          "status", body, stop);
  auto decoded = TRY(kube::decode_body(answer, api::decode_token_expiry_config));
  pace_.written(config.meta.name, decoded.status, clock_.steady());
  stores_.configs.put(std::move(decoded));
  return {};
}

}  // namespace apitoken::reconcile
