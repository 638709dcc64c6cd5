// TokenWorker: takes keys of ApiTokens from the queue, gathers, plans, executes, and decides what
// becomes of a failure; the only place that does. run() is the body of each of N threads; all of
// them share one TokenWorker.
#pragma once

#include <atomic>
#include <functional>
#include <optional>

#include "reconcile/duplicate_hashes.hpp"
#include "reconcile/execute.hpp"
#include "reconcile/gather.hpp"
#include "reconcile/queues.hpp"
#include "serve/controller_metrics.hpp"

namespace apitoken::reconcile {

class TokenWorker {
 public:
  // How far the clocks are apart, if so far that nothing may be minted, rotated or deleted.
  using ClockDoubt = std::function<std::optional<Seconds>()>;

  TokenWorker(
      kube::Workqueue& queue, Gatherer& gatherer, Executor& executor,
      notify::Dispatcher& dispatcher, DuplicateHashes& duplicates,
      serve::ControllerMetrics& metrics, bool dry_run,
      ClockDoubt clock_doubt = [] { return std::nullopt; })
      : queue_(queue),
        gatherer_(gatherer),
        executor_(executor),
        dispatcher_(dispatcher),
        duplicates_(duplicates),
        metrics_(metrics),
        dry_run_(dry_run),
        clock_doubt_(std::move(clock_doubt)) {}

  // Until `stop`; what is under way then is finished or canceled, never left half written.
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
  const ClockDoubt clock_doubt_;
  std::atomic<bool> in_trouble_ =
      false;  // the API server fails us: said once, until a pass succeeds
};

}  // namespace apitoken::reconcile
