// Registers the series of one controller.
#include "serve/controller_metrics.hpp"

namespace apitoken::serve {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using prometheus::Registry;

// The buckets of client-go's workqueue and of controller-runtime, which stock dashboards expect.
const Histogram::BucketBoundaries kQueueBuckets{1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3,
                                                1e-2, 1e-1, 1,    10,   100,  1000};
const Histogram::BucketBoundaries kReconcileBuckets{
    0.005, 0.01, 0.025, 0.05, 0.1,  0.15, 0.2,  0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6,
    0.7,   0.8,  0.9,   1,    1.25, 1.5,  1.75, 2,    2.5, 3,    3.5, 4,    4.5, 5,
    6,     7,    8,     9,    10,   15,   20,   25,   30,  40,   50,  60};
constexpr std::array kResults{"success", "error", "requeue", "requeue_after"};

// Registering a name again returns the existing family, which both controllers share.
Counter& counter(Registry& registry, const char* name, const char* help, const Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}
Gauge& gauge(Registry& registry, const char* name, const char* help, const Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}
Histogram& histogram(Registry& registry, const char* name, const char* help, const Labels& labels,
                     const Histogram::BucketBoundaries& buckets) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels, buckets);
}

std::array<Counter*, 4> reconcile_counters(Registry& registry, const std::string& controller) {
  std::array<Counter*, 4> counters{};
  for (std::size_t i = 0; i < kResults.size(); ++i) {
    counters[i] = &counter(registry, "controller_runtime_reconcile_total",
                           "Reconciliations by controller and result.",
                           {{"controller", controller}, {"result", kResults[i]}});
  }
  return counters;
}

}  // namespace

ControllerMetrics::ControllerMetrics(Registry& registry, const std::string& controller)
    : adds_(counter(registry, "workqueue_adds_total", "Keys added to the queue.",
                    {{"name", controller}})),
      retries_(counter(registry, "workqueue_retries_total", "Keys added again after a failure.",
                       {{"name", controller}})),
      depth_(
          gauge(registry, "workqueue_depth", "Keys waiting in the queue.", {{"name", controller}})),
      unfinished_(gauge(registry, "workqueue_unfinished_work_seconds",
                        "How long the keys being worked on have been so, summed up, in seconds.",
                        {{"name", controller}})),
      longest_(gauge(registry, "workqueue_longest_running_processor_seconds",
                     "How long the key that has been worked on longest has been so, in seconds.",
                     {{"name", controller}})),
      queue_duration_(histogram(registry, "workqueue_queue_duration_seconds",
                                "How long keys waited in the queue, in seconds.",
                                {{"name", controller}}, kQueueBuckets)),
      work_duration_(histogram(registry, "workqueue_work_duration_seconds",
                               "How long keys were worked on, in seconds.", {{"name", controller}},
                               kQueueBuckets)),
      reconciles_(reconcile_counters(registry, controller)),
      errors_(counter(registry, "controller_runtime_reconcile_errors_total",
                      "Reconciliations that failed.", {{"controller", controller}})),
      reconcile_time_(histogram(registry, "controller_runtime_reconcile_time_seconds",
                                "How long a reconciliation took, in seconds.",
                                {{"controller", controller}}, kReconcileBuckets)),
      active_workers_(gauge(registry, "controller_runtime_active_workers",
                            "Workers reconciling at this moment.", {{"controller", controller}})),
      max_workers_(gauge(registry, "controller_runtime_max_concurrent_reconciles",
                         "Workers there are.", {{"controller", controller}})),
      stale_views_(counter(registry, "apitoken_stale_views_total",
                           "Passes over objects that stay out of date although the watch runs; "
                           "all are listed again.",
                           {{"controller", controller}})) {}

void ControllerMetrics::reconcile_finished(ReconcileResult result,
                                           std::chrono::duration<double> took) {
  active_workers_.Decrement();
  reconciles_[static_cast<std::size_t>(result)]->Increment();
  if (result == ReconcileResult::Error) errors_.Increment();
  reconcile_time_.Observe(took.count());
}

void ControllerMetrics::set_levels(std::size_t depth, kube::Workqueue::Unfinished unfinished) {
  depth_.Set(static_cast<double>(depth));
  unfinished_.Set(unfinished.sum.count());
  longest_.Set(unfinished.longest.count());
}

}  // namespace apitoken::serve
