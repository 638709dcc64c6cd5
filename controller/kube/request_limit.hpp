// RequestLimit: so many may go on at once, the others wait. The client holds one; the transport's
// pool is unbounded. Any thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace apitoken::kube {

class RequestLimit {
 public:
  explicit RequestLimit(int free) : free_(free) {}

  // Waits for a turn; false where `stop` came first. Each true is answered by one leave().
  bool enter(std::stop_token stop);
  void leave();

 private:
  std::mutex mutex_;
  std::condition_variable_any freed_;
  int free_;  // guarded by mutex_
};

}  // namespace apitoken::kube
