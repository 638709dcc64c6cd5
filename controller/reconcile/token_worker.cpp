// Reconciles one ApiToken, and requeues it after a failure.
#include "reconcile/token_worker.hpp"

#include <algorithm>
#include <sstream>

#include "base/log.hpp"
#include "core/plan_token.hpp"
#include "kube/classify_error.hpp"
#include "reconcile/work_loop.hpp"

namespace apitoken::reconcile {

using serve::ReconcileResult;

namespace {

bool mints(const core::Plan& plan) {
  return std::ranges::any_of(
      plan.effects, [](const auto& e) { return std::holds_alternative<core::WriteSecret>(e); });
}

// The urgency of a failed plan's next try.
Urgency urgency_of(const core::Plan& plan, const api::ApiToken& token) {
  const auto decides_validity = [&](const core::Effect& effect) {
    if (const auto* patch = std::get_if<core::PatchStatus>(&effect))
      return patch->status.token_hash != token.status.token_hash;
    return std::holds_alternative<core::WriteSecret>(effect) ||
           std::holds_alternative<core::DeleteSecret>(effect);
  };
  return std::ranges::any_of(plan.effects, decides_validity) ? Urgency::Value : Urgency::Notice;
}

// While the clocks disagree, nothing is done that depends on the time. Revocation and deletion do
// not: somebody asked for them.
bool waits_for_the_clock(const core::Plan& plan, const api::ApiToken& token) {
  return !plan.effects.empty() && !token.spec.revoked && !token.meta.deleted;
}

}  // namespace

void TokenWorker::run(std::stop_token stop) {
  work_loop(queue_, metrics_, stop,
            [&](const api::ObjectKey& key) { return reconcile(key, stop); });
}

ReconcileResult TokenWorker::reconcile(const api::ObjectKey& key, std::stop_token stop) {
  const auto gathered = gatherer_.gather(key, stop);
  if (!gathered) return requeue(key, gathered.error(), Urgency::Value);
  if (!*gathered) {  // the passes before the deletion may have left these
    stale_views_.ended(key);
    queue_.cancel(key);
    queue_.reset_backoff(key);
    return ReconcileResult::Success;
  }
  return carry_out(**gathered, stop);
}

ReconcileResult TokenWorker::carry_out(const Gathered& gathered, std::stop_token stop) {
  const api::ObjectKey key = gathered.token->meta.key();
  const core::Plan plan = core::plan_token(gathered.observed);
  if (clock_doubt_() && waits_for_the_clock(plan, *gathered.token)) {
    queue_.reset_backoff(key);
    return ReconcileResult::Success;  // once the clocks agree again, all keys are enqueued
  }
  if (dry_run_) {
    show(gathered, plan);
    return ReconcileResult::Success;
  }
  duplicates_.look_for(*gathered.token);
  const Status done = executor_.execute(plan, *gathered.token, stop);
  if (!done) {
    wake_later(key, plan, gathered.observed.now);
    if (mints(plan) && kube::classify_error(done.error().kind) == kube::Fate::Refused)
      report_refusal(key, done.error(), stop);
    return requeue(key, done.error(), urgency_of(plan, *gathered.token));
  }
  stale_views_.ended(key);
  if (!plan.effects.empty()) failure_log_.succeeded();
  std::vector<core::NoticeKey> in_ledger;
  for (const api::NoticeEntry& entry : gathered.observed.delivered_notices) {
    in_ledger.push_back(
        {gathered.token->meta.uid, *gathered.token->status.expires_at, entry.config, entry.before});
  }
  if (!in_ledger.empty()) dispatcher_.remove_delivered(gathered.token->meta.uid, in_ledger);
  return schedule(key, plan);
}

ReconcileResult TokenWorker::schedule(const api::ObjectKey& key, const core::Plan& plan) {
  if (plan.wake_at) queue_.add_at(key, *plan.wake_at, plan.wake_urgency);
  if (plan.retry) {
    queue_.add_rate_limited(key);
    return ReconcileResult::Requeue;
  }
  queue_.reset_backoff(key);
  return plan.wake_at ? ReconcileResult::RequeueAfter : ReconcileResult::Success;
}

ReconcileResult TokenWorker::requeue(const api::ObjectKey& key, const Error& error,
                                     Urgency urgency) {
  const auto fate = kube::classify_error(error.kind);
  if (fate == kube::Fate::Canceled) return ReconcileResult::Success;
  if (fate == kube::Fate::StaleView) {
    log::debug("stale view, trying again",
               {{"namespace", key.ns}, {"name", key.name}, {"error", error.message}});
    stale_views_.failed(key, error);
    queue_.add_rate_limited(key, urgency);
    return ReconcileResult::Requeue;
  }
  stale_views_.ended(key);
  failure_log_.failed(error, {{"namespace", key.ns}, {"name", key.name}});
  queue_.add_rate_limited(key, urgency, error.retry_after);
  return ReconcileResult::Error;
}

// Gathers again, because the effects before the refusal have changed the objects.
void TokenWorker::report_refusal(const api::ObjectKey& key, const Error& error,
                                 std::stop_token stop) {
  const auto gathered = gatherer_.gather(key, stop);
  if (!gathered || !*gathered) return;
  const core::Plan plan = core::plan_mint_failure((*gathered)->observed, error.message);
  if (const Status done = executor_.execute(plan, *(*gathered)->token, stop); !done) {
    log::debug("status not written either",
               {{"namespace", key.ns}, {"name", key.name}, {"error", done.error().message}});
  }
  wake_later(key, plan, (*gathered)->observed.now);
}

// After a failure: sets the plan's timer if it is in the future. Work that is due now is retried by
// backoff.
void TokenWorker::wake_later(const api::ObjectKey& key, const core::Plan& plan, WallTime now) {
  if (plan.wake_at && *plan.wake_at > now) queue_.add_at(key, *plan.wake_at, plan.wake_urgency);
}

void TokenWorker::show(const Gathered& gathered, const core::Plan& plan) const {
  std::istringstream lines(core::to_text(plan));
  for (std::string line; std::getline(lines, line);) {
    log::info("dry run, would " + line,
              {{"namespace", gathered.token->meta.ns}, {"name", gathered.token->meta.name}});
  }
}

}  // namespace apitoken::reconcile
