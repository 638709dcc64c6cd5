// work_loop: the loop of every worker thread: takes a key, reconciles it, counts the result, and
// returns the key. Ends at `stop` or when the queue is shut down.
#pragma once

#include <chrono>

#include "kube/workqueue.hpp"
#include "serve/controller_metrics.hpp"

namespace apitoken::reconcile {

template <typename Reconcile>
void work_loop(kube::Workqueue& queue, serve::ControllerMetrics& metrics,
               const std::stop_token& stop, Reconcile reconcile) {
  while (const auto key = queue.get(stop)) {
    metrics.reconcile_started();
    const auto began = std::chrono::steady_clock::now();
    const serve::ReconcileResult result = reconcile(*key);
    metrics.reconcile_finished(result, std::chrono::steady_clock::now() - began);
    queue.done(*key);
  }
}

}  // namespace apitoken::reconcile
