// Lets a limited number of requests in; the others wait.
#include "kube/request_limit.hpp"

namespace apitoken::kube {

bool RequestLimit::enter(std::stop_token stop) {
  MutexLock lock(mutex_);
  if (!freed_.wait(lock, stop, [this]() REQUIRES(mutex_) { return free_ > 0; })) return false;
  --free_;
  return true;
}

void RequestLimit::leave() {
  {
    MutexLock lock(mutex_);
    ++free_;
  }
  freed_.notify_one();
}

}  // namespace apitoken::kube
