// ControllerMetrics: the metrics about one controller's work and queue, under the names of
// client-go and controller-runtime if they have the metric. Metrics owns one per kind of object;
// workers and reflectors call it on any thread.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <chrono>
#include <string>

#include "kube/workqueue.hpp"

namespace apitoken::serve {

enum class ReconcileResult { Success, Error, Requeue, RequeueAfter };

class ControllerMetrics final : public kube::WorkqueueObserver {
 public:
  ControllerMetrics(prometheus::Registry& registry, const std::string& controller);

  void added() override { adds_.Increment(); }
  void waited(std::chrono::duration<double> in_queue) override {
    queue_duration_.Observe(in_queue.count());
  }
  void worked(std::chrono::duration<double> in_work) override {
    work_duration_.Observe(in_work.count());
  }
  void retried() override { retries_.Increment(); }

  void reconcile_started() { active_workers_.Increment(); }
  void reconcile_finished(ReconcileResult result, std::chrono::duration<double> took);

  void view_stayed_stale() { stale_views_.Increment(); }

  void set_workers(int count) { max_workers_.Set(count); }
  // Sets the levels at a scrape.
  void set_levels(std::size_t depth, kube::Workqueue::Unfinished unfinished);

 private:
  prometheus::Counter& adds_;
  prometheus::Counter& retries_;
  prometheus::Gauge& depth_;
  prometheus::Gauge& unfinished_;
  prometheus::Gauge& longest_;
  prometheus::Histogram& queue_duration_;
  prometheus::Histogram& work_duration_;
  std::array<prometheus::Counter*, 4> reconciles_;  // by ReconcileResult
  prometheus::Counter& errors_;
  prometheus::Histogram& reconcile_time_;
  prometheus::Gauge& active_workers_;
  prometheus::Gauge& max_workers_;
  prometheus::Counter& stale_views_;
};

}  // namespace apitoken::serve
