// StaleViews: objects that stay out of date in our stores, so that the API server refuses what is
// planned for them, pass after pass. It says so, counts them, and has all objects of their kind
// listed again, because the watch does not bring the change. Workers call it on any thread.
// Thread-safe; it sends no request itself.
#pragma once

#include <functional>
#include <map>

#include "api/meta.hpp"
#include "base/failure_log.hpp"
#include "base/mutex.hpp"
#include "serve/controller_metrics.hpp"

namespace apitoken::reconcile {

class StaleViews {
 public:
  // Failed passes in a row before the log line. By backoff the sixth comes 15 s after the first.
  static constexpr std::uint32_t kMaxPasses = 6;
  // Has the objects of namespace `ns` listed again; must be quick.
  using Relist = std::function<void(std::string_view ns)>;

  // `metrics` outlives it.
  StaleViews(serve::ControllerMetrics& metrics, Relist relist)
      : metrics_(metrics), relist_(std::move(relist)) {}

  // A pass over the object ended with Fate::StaleView.
  void failed(const api::ObjectKey& key, const Error& error);
  // A pass over the object ended in another way, or the object is gone.
  void ended(const api::ObjectKey& key);

 private:
  serve::ControllerMetrics& metrics_;
  const Relist relist_;
  FailureLog failure_log_{"an object stays out of date, all objects are listed again",
                          "no object stays out of date any more"};
  Mutex mutex_;
  std::map<api::ObjectKey, std::uint32_t> passes_ GUARDED_BY(mutex_);  // that failed, in a row
  std::size_t stuck_ GUARDED_BY(mutex_) = 0;  // objects with kMaxPasses or more passes
};

}  // namespace apitoken::reconcile
