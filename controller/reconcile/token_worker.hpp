// TokenWorker: takes keys of ApiTokens from the queue, gathers, plans, executes, and requeues the
// key after a failure. run() is the body of each of N threads, which share one TokenWorker.
#pragma once

#include <functional>
#include <optional>

#include "base/failure_log.hpp"
#include "reconcile/duplicate_hashes.hpp"
#include "reconcile/execute.hpp"
#include "reconcile/gather.hpp"
#include "reconcile/queues.hpp"
#include "reconcile/stale_views.hpp"
#include "serve/controller_metrics.hpp"

namespace apitoken::reconcile {

class TokenWorker {
 public:
  // How far the clocks are apart, if that forbids minting, rotating and deleting; else empty.
  using ClockDoubt = std::function<std::optional<Seconds>()>;

  TokenWorker(
      kube::Workqueue& queue, Gatherer& gatherer, Executor& executor,
      notify::Dispatcher& dispatcher, DuplicateHashes& duplicates,
      serve::ControllerMetrics& metrics, bool dry_run, StaleViews& stale_views,
      ClockDoubt clock_doubt = [] { return std::nullopt; })
      : queue_(queue),
        gatherer_(gatherer),
        executor_(executor),
        dispatcher_(dispatcher),
        duplicates_(duplicates),
        metrics_(metrics),
        dry_run_(dry_run),
        stale_views_(stale_views),
        clock_doubt_(std::move(clock_doubt)) {}

  // Runs until `stop`. A pass in progress is finished or canceled; the next leader's first pass
  // completes a canceled one.
  void run(std::stop_token stop);

 private:
  serve::ReconcileResult reconcile(const api::ObjectKey& key, std::stop_token stop);
  serve::ReconcileResult carry_out(const Gathered& gathered, std::stop_token stop);
  serve::ReconcileResult schedule(const api::ObjectKey& key, const core::Plan& plan);
  serve::ReconcileResult requeue(const api::ObjectKey& key, const Error& error, Urgency urgency);
  void wake_later(const api::ObjectKey& key, const core::Plan& plan, WallTime now);
  void report_refusal(const api::ObjectKey& key, const Error& error, std::stop_token stop);
  void show(const Gathered& gathered, const core::Plan& plan) const;

  kube::Workqueue& queue_;
  Gatherer& gatherer_;
  Executor& executor_;
  notify::Dispatcher& dispatcher_;
  DuplicateHashes& duplicates_;
  serve::ControllerMetrics& metrics_;
  const bool dry_run_;
  StaleViews& stale_views_;
  const ClockDoubt clock_doubt_;
  FailureLog failure_log_{"reconcile failed, trying again", "reconciling works again"};
};

}  // namespace apitoken::reconcile
