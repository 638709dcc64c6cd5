// One pass over one ApiToken, and the fate of its failures.
#include "reconcile/token_worker.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "core/plan_token.hpp"
#include "reconcile/work_loop.hpp"

namespace apitoken::reconcile {

using serve::ReconcileResult;

namespace {

bool mints(const core::Plan& plan) {
  return std::ranges::any_of(
      plan.effects, [](const auto& e) { return std::holds_alternative<core::WriteSecret>(e); });
}

// How urgent it is to try a plan again.
Urgency urgency_of(const core::Plan& plan, const api::ApiToken& token) {
  const auto decides_validity = [&](const core::Effect& effect) {
    if (const auto* patch = std::get_if<core::PatchStatus>(&effect))
      return patch->status.token_hash != token.status.token_hash;
    return std::holds_alternative<core::WriteSecret>(effect) ||
           std::holds_alternative<core::DeleteSecret>(effect);
  };
  return std::ranges::any_of(plan.effects, decides_validity) ? Urgency::Value : Urgency::Notice;
}

// While nobody knows the time, nothing is done that depends on it, and nothing is told. A
// revocation and the end of an object are somebody's will, not the clock's.
bool waits_for_the_clock(const core::Plan& plan, const api::ApiToken& token) {
  return !plan.effects.empty() && !token.spec.revoked && !token.meta.deleted;
}

// The server answers and does not want this write: by its rules, a policy, or a webhook that fails.
bool is_refusal(ErrorKind kind) {
  return kind == ErrorKind::Forbidden || kind == ErrorKind::Invalid || kind == ErrorKind::Internal;
}

}  // namespace

void TokenWorker::run(std::stop_token stop) {
  work_loop(queue_, metrics_, stop,
            [&](const api::ObjectKey& key) { return reconcile(key, stop); });
}

ReconcileResult TokenWorker::reconcile(const api::ObjectKey& key, std::stop_token stop) {
  const auto gathered = gatherer_.gather(key, stop);
  if (!gathered) return requeue(key, gathered.error(), Urgency::Value);
  if (!*gathered) {
    queue_.forget(key);
    return ReconcileResult::Success;
  }
  return carry_out(**gathered, stop);
}

ReconcileResult TokenWorker::carry_out(const Gathered& gathered, std::stop_token stop) {
  const api::ObjectKey key = gathered.token->meta.key();
  const core::Plan plan = core::plan_token(gathered.observed);
  if (clock_doubt_() && waits_for_the_clock(plan, *gathered.token)) {
    queue_.forget(key);
    return ReconcileResult::Success;  // when the clocks agree again, everything is looked at
  }
  if (dry_run_) {
    show(gathered, plan);
    return ReconcileResult::Success;
  }
  duplicates_.look_for(*gathered.token);
  const Status done = executor_.execute(plan, *gathered.token, stop);
  if (!done) {
    wake_later(key, plan, gathered.observed.now);
    if (mints(plan) && is_refusal(done.error().kind)) report_refusal(key, done.error(), stop);
    return requeue(key, done.error(), urgency_of(plan, *gathered.token));
  }
  if (!plan.effects.empty()) in_trouble_ = false;
  std::vector<core::NoticeKey> in_ledger;
  for (const api::NoticeEntry& told : gathered.observed.delivered_notices) {
    in_ledger.push_back(
        {gathered.token->meta.uid, *gathered.token->status.expires_at, told.config, told.before});
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
  queue_.forget(key);
  return plan.wake_at ? ReconcileResult::RequeueAfter : ReconcileResult::Success;
}

ReconcileResult TokenWorker::requeue(const api::ObjectKey& key, const Error& error,
                                     Urgency urgency) {
  switch (error.kind) {
    case ErrorKind::Canceled:
      return ReconcileResult::Success;
    case ErrorKind::Conflict:  // our view was stale: the watch brings the newer one
    case ErrorKind::NotFound:
    case ErrorKind::AlreadyExists:
    case ErrorKind::Gone:
      spdlog::debug("stale view, again namespace={} name={} error=\"{}\"", key.ns, key.name,
                    error.message);
      queue_.add_rate_limited(key, urgency);
      return ReconcileResult::Requeue;
    default:
      break;
  }
  if (!in_trouble_.exchange(true)) {
    spdlog::warn("reconcile failed, trying again namespace={} name={} kind={} error=\"{}\"", key.ns,
                 key.name, to_string(error.kind), error.message);
  }
  queue_.add_rate_limited(key, urgency, error.retry_after);
  return ReconcileResult::Error;
}

// What was carried out before the refusal has changed what there is to see.
void TokenWorker::report_refusal(const api::ObjectKey& key, const Error& error,
                                 std::stop_token stop) {
  const auto gathered = gatherer_.gather(key, stop);
  if (!gathered || !*gathered) return;
  const core::Plan plan = core::plan_mint_failure((*gathered)->observed, error.message);
  if (const Status done = executor_.execute(plan, *(*gathered)->token, stop); !done) {
    spdlog::debug("status not written either namespace={} name={} error=\"{}\"", key.ns, key.name,
                  done.error().message);
  }
  wake_later(key, plan, (*gathered)->observed.now);
}

// The clock goes on, whatever fails; what the plan would have seen to at once comes by backoff.
void TokenWorker::wake_later(const api::ObjectKey& key, const core::Plan& plan, WallTime now) {
  if (plan.wake_at && *plan.wake_at > now) queue_.add_at(key, *plan.wake_at, plan.wake_urgency);
}

void TokenWorker::show(const Gathered& gathered, const core::Plan& plan) const {
  std::istringstream lines(core::to_text(plan));
  for (std::string line; std::getline(lines, line);) {
    spdlog::info("dry run, would {} namespace={} name={}", line, gathered.token->meta.ns,
                 gathered.token->meta.name);
  }
}

}  // namespace apitoken::reconcile
