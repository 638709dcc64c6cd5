// The queue of requests, and the threads that serve them.
#include "portal/workers.hpp"

#include "base/thread_name.hpp"
#include "portal/problem.hpp"

namespace apitoken::portal {
namespace {

serve::HttpReply overloaded() {
  return to_answer({.status = 503,
                    .reason = "Overloaded",
                    .message = "The portal has too much to do.",
                    .remedy = "Wait a moment and try again.",
                    .retry_after = Seconds(1)});
}

}  // namespace

void Workers::start() {
  {
    const MutexLock lock(mutex_);
    stopped_ = false;
  }
  for (std::size_t i = 0; i < count_; ++i)
    threads_.emplace_back([this](std::stop_token stop) { run(std::move(stop)); });
}

void Workers::stop() {
  std::deque<Waiting> left;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    left.swap(waiting_);
  }
  for (auto& one : left) std::move(one.responder).answer(overloaded());
  threads_.clear();  // asks each to stop, and joins it
}

serve::HttpReply Workers::serve(Work work) {
  auto kept = std::make_shared<Work>(std::move(work));
  return serve::Pending{
      [this, kept](serve::Responder responder) { add(std::move(*kept), std::move(responder)); }};
}

void Workers::add(Work work, serve::Responder responder) {
  {
    const MutexLock lock(mutex_);
    if (!stopped_ && waiting_.size() < kMaxWaiting) {
      waiting_.push_back({std::move(work), std::move(responder)});
      came_.notify_one();
      return;
    }
  }
  std::move(responder).answer(overloaded());
}

void Workers::run(std::stop_token stop) {
  name_thread("portal-worker");
  while (true) {
    MutexLock lock(mutex_);
    if (!came_.wait(lock, stop, [this]() REQUIRES(mutex_) { return !waiting_.empty(); })) return;
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    auto reply = next.work(stop);
    std::move(next.responder).answer(std::move(reply));
  }
}

}  // namespace apitoken::portal
