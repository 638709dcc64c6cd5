// work_loop: what every worker thread does: take a key, reconcile it, count it, let it go. Until
// `stop`, or until the queue is shut down.
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
