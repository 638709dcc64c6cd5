// RequestLimit: at most so many requests at a time; the others wait. Client owns one, because the
// transport's connection pool has no limit. Any thread.
#pragma once

#include <condition_variable>
#include <stop_token>

#include "base/mutex.hpp"

namespace apitoken::kube {

class RequestLimit {
 public:
  explicit RequestLimit(int free) : free_(free) {}

  // Waits for a place. True: the caller has one and gives it back with leave(). False: `stop` was
  // requested first.
  bool enter(std::stop_token stop);
  void leave();

 private:
  Mutex mutex_;
  std::condition_variable_any freed_;
  int free_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::kube
