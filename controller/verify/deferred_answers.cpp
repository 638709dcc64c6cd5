// Keeps the deferred requests, and asks again on one thread.
#include "verify/deferred_answers.hpp"

#include "base/log.hpp"
#include "base/thread_name.hpp"
#include "serve/refusals.hpp"

namespace apitoken::verify {
namespace {

constexpr std::chrono::milliseconds kMinInterval{
    10};  // between two rounds, for any number of changes

// Calls `ask`, and answers if it does. True if the request is answered now.
bool settle(const DeferredAnswers::Ask& ask, serve::Responder& responder, bool last) {
  try {
    auto answer = ask(last);
    if (!answer) return false;
    std::move(responder).answer(std::move(*answer));
  } catch (const std::exception& error) {
    log::error("cannot answer a deferred request", {{"error", error.what()}});
    std::move(responder).answer(serve::plain(500, "internal error\n"));
  }
  return true;
}

}  // namespace

void DeferredAnswers::start() {
  const MutexLock lock(mutex_);
  running_ = true;
  thread_ = std::jthread([this](std::stop_token stop) { ask_again(std::move(stop)); });
}

void DeferredAnswers::stop() {
  {
    const MutexLock lock(mutex_);
    running_ = false;
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  std::deque<Deferred> left;
  {
    const MutexLock lock(mutex_);
    left.swap(deferred_);
    count_ = 0;
  }
  for (auto& one : left) settle(one.ask, one.responder, true);
}

serve::HttpReply DeferredAnswers::defer(Ask ask) {
  return serve::Pending{[this, ask = std::move(ask)](serve::Responder responder) mutable {
    hold({std::move(ask), std::move(responder), std::chrono::steady_clock::now() + kDeferredFor});
  }};
}

void DeferredAnswers::hold(Deferred deferred) {
  {
    const MutexLock lock(mutex_);
    if (running_ && count_ < kMaxDeferred) {
      deferred_.push_back(std::move(deferred));
      ++count_;
      changed_ = true;  // the index may have changed since the handler's look
      came_.notify_one();
      return;
    }
  }
  settle(deferred.ask, deferred.responder, true);
}

void DeferredAnswers::index_changed() {
  const MutexLock lock(mutex_);
  if (count_ == 0) return;
  changed_ = true;
  came_.notify_one();
}

void DeferredAnswers::ask_again(std::stop_token stop) {
  name_thread("verify deferred");
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto is_called = [this]() REQUIRES(mutex_) { return changed_; };
    if (deferred_.empty()) {
      if (!came_.wait(lock, stop, is_called)) return;
    } else {
      came_.wait_until(lock, stop, deferred_.front().until, is_called);
    }
    changed_ = false;
    std::deque<Deferred> asked;
    asked.swap(deferred_);
    lock.unlock();
    const auto now = std::chrono::steady_clock::now();
    std::deque<Deferred> left;
    for (auto& one : asked) {
      if (!settle(one.ask, one.responder, now >= one.until)) left.push_back(std::move(one));
    }
    lock.lock();
    count_ -= asked.size() - left.size();
    for (auto one = left.rbegin(); one != left.rend(); ++one) deferred_.push_front(std::move(*one));
    came_.wait_for(lock, stop, kMinInterval, [] { return false; });
  }
}

}  // namespace apitoken::verify
