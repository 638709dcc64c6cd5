// Reconciles one TokenExpiryConfig.
#include "reconcile/config_worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/log.hpp"
#include "core/plain_text.hpp"
#include "core/token_status.hpp"
#include "kube/classify_error.hpp"
#include "kube/decode_body.hpp"
#include "reconcile/work_loop.hpp"

namespace apitoken::reconcile {

using serve::ReconcileResult;

namespace {

// Collects the users who get no mail of their own although the config asks for it, because their
// name is not an address.
class SkippedUsers {
 public:
  explicit SkippedUsers(const core::ExpiryConfig& config) : route_(config.route) {}

  void look_at(const std::string& user) {
    if (!route_.email_token_user ||
        core::mailbox_of_user(user, route_.user_prefix, route_.user_domains))
      return;
    users_.emplace(user.find('@') == user.npos, user);
  }
  core::ObservedSkipped found() const {
    core::ObservedSkipped skipped{std::int64_t(users_.size()), {}};
    for (const auto& [unlike_address, user] : users_) {
      if (skipped.names.size() == kMaxNames) break;
      skipped.names.push_back(core::cut_text(core::plain_text(user), kMaxNameLength));
    }
    return skipped;
  }

 private:
  static constexpr std::size_t kMaxNames = 10;
  static constexpr std::size_t kMaxNameLength = 256;
  const core::ConfigRoute& route_;
  std::set<std::pair<bool, std::string>> users_;  // those that look like an address first
};

}  // namespace

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
    queue_.reset_backoff(key);
    return ReconcileResult::Success;
  }
  core::ObservedConfig observed{clock_.wall(),
                                *object,
                                *config,
                                0,
                                0,
                                missing_secrets(*config),
                                operator_namespace_,
                                observe_delivery(key.name),
                                {},
                                dispatcher_.test_mail(key.name)};
  const auto next_change = count_tokens(observed);
  core::ConfigPlan plan = core::plan_expiry_config(observed);
  if (next_change) queue_.add_at(key, *next_change);
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
    if (const Status done = patch(*object, *plan.status, stop); !done) {
      const auto fate = kube::classify_error(done.error().kind);
      if (fate == kube::Fate::Canceled) return ReconcileResult::Success;
      log::debug("config status not written",
                 {{"name", key.name}, {"error", done.error().message}});
      queue_.add_rate_limited(key);
      return fate == kube::Fate::StaleView ? ReconcileResult::Requeue : ReconcileResult::Error;
    }
  }
  queue_.reset_backoff(key);
  return next_change ? ReconcileResult::RequeueAfter : ReconcileResult::Success;
}

std::optional<WallTime> ConfigWorker::count_tokens(core::ObservedConfig& observed) const {
  std::optional<WallTime> next;
  SkippedUsers skipped(observed.config);
  stores_.tokens.for_each_unlocked([&](const api::ApiToken& token) {
    if (!matches(observed.config, token, stores_)) return;
    ++observed.matched_tokens;
    const auto& status = token.status;
    if (status.token_hash.empty() || !status.expires_at || observed.now >= *status.expires_at)
      return;
    skipped.look_at(token.spec.user);
    const auto warn_at = core::warn_at({&observed.config}, token.spec, status);
    if (!warn_at) return;
    const bool expiring = observed.now >= *warn_at;
    if (expiring) ++observed.expiring_tokens;
    const WallTime change = expiring ? *status.expires_at : *warn_at;
    next = std::min(next.value_or(change), change);
  });
  observed.skipped = skipped.found();
  return next;
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
  auto decoded = kube::decode_body(answer, api::decode_token_expiry_config);
  if (!decoded) return std::unexpected(decoded.error());
  pace_.written(config.meta.name, decoded->status, clock_.steady());
  stores_.configs.put(std::move(*decoded));
  return {};
}

}  // namespace apitoken::reconcile
