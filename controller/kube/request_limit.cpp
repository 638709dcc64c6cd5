// Counts free places.
#include "kube/request_limit.hpp"

namespace apitoken::kube {

bool RequestLimit::enter(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (!freed_.wait(lock, stop, [this] { return free_ > 0; })) return false;
  --free_;
  return true;
}

void RequestLimit::leave() {
  {
    std::lock_guard lock(mutex_);
    ++free_;
  }
  freed_.notify_one();
}

}  // namespace apitoken::kube
