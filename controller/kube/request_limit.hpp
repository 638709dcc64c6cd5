// RequestLimit: at most so many requests at a time; the others wait. Client owns one, because the
// transport's connection pool has no limit. Any thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace apitoken::kube {

class RequestLimit {
 public:
  explicit RequestLimit(int free) : free_(free) {}

  // Waits for a place. True: the caller has one and gives it back with leave(). False: `stop` was
  // requested first.
  bool enter(std::stop_token stop);
  void leave();

 private:
  std::mutex mutex_;
  std::condition_variable_any freed_;
  int free_;  // guarded by mutex_
};

}  // namespace apitoken::kube
