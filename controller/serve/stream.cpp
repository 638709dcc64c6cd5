// The queue between the producer's thread and the serving thread.
#include "serve/stream.hpp"

#include <algorithm>

namespace apitoken::serve {

using std::chrono::steady_clock;

void Stream::wake() {
  if (!suspended_) return;
  suspended_ = false;
  hooks_.resume();
}

bool Stream::write(std::string piece) {
  const MutexLock lock(mutex_);
  if (ended_ || broken_) return false;
  if (piece.empty()) return true;
  if (queued_ + piece.size() > kMaxQueued) {
    broken_ = true;
    return false;
  }
  if (queue_.empty()) since_ = steady_clock::now();
  queued_ += piece.size();
  queue_.push_back(std::move(piece));
  wake();
  return true;
}

bool Stream::has_room(std::size_t ahead) const {
  const MutexLock lock(mutex_);
  return queued_ <= ahead && !ended_ && !broken_;
}

bool Stream::await_room(std::size_t ahead, std::stop_token stop) {
  MutexLock lock(mutex_);
  less_.wait(lock, std::move(stop),
             [&]() REQUIRES(mutex_) { return queued_ <= ahead || ended_ || broken_; });
  return queued_ <= ahead && !ended_ && !broken_;
}

void Stream::end() {
  const MutexLock lock(mutex_);
  ended_ = true;
  less_.notify_all();
  wake();
}

bool Stream::is_open() const {
  const MutexLock lock(mutex_);
  return !ended_ && !broken_;
}

void Stream::attach(Hooks hooks) {
  const MutexLock lock(mutex_);
  hooks_ = std::move(hooks);
}

Stream::Taken Stream::take(char* block, std::size_t size) {
  const MutexLock lock(mutex_);
  if (broken_) return {.ended = true, .broken = true};
  since_ = steady_clock::now();
  if (queue_.empty()) {
    if (ended_) return {.ended = true};
    suspended_ = true;
    hooks_.suspend();
    return {};
  }
  const auto copied = queue_.front().copy(block, size, at_);
  at_ += copied;
  queued_ -= copied;
  less_.notify_all();
  if (at_ == queue_.front().size()) {
    queue_.pop_front();
    at_ = 0;
  }
  return {.bytes = copied};
}

void Stream::detach() {
  const MutexLock lock(mutex_);
  broken_ = true;
  suspended_ = false;
  hooks_ = {};
  queue_.clear();
  queued_ = 0;
  less_.notify_all();
}

steady_clock::duration Stream::stalled() const {
  const MutexLock lock(mutex_);
  return queue_.empty() ? steady_clock::duration::zero() : steady_clock::now() - since_;
}

}  // namespace apitoken::serve
