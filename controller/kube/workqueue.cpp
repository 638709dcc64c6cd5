// Keys, timers and turns.
#include "kube/workqueue.hpp"

#include <algorithm>

namespace apitoken::kube {
namespace {

constexpr std::chrono::hours kLong{1};  // for those who wait for keys alone

}  // namespace

bool Workqueue::enqueue(const Key& key) {
  if (down_ || !dirty_.try_emplace(key, clock_.steady()).second) return false;
  if (!processing_.contains(key)) queue_.push_back(key);
  return true;
}

void Workqueue::add(const Key& key) {
  {
    std::lock_guard lock(mutex_);
    if (!enqueue(key)) return;
  }
  changed_.notify_one();
  observer_.added();
}

void Workqueue::add_after(const Key& key, SteadyDuration delay) {
  if (delay <= SteadyDuration::zero()) return add(key);
  bool first;
  {
    std::lock_guard lock(mutex_);
    if (down_) return;
    first = steady_timers_.set(key, clock_.steady() + delay);
  }
  if (first) changed_.notify_all();  // whoever minds the timers, we cannot tell which one it is
}

void Workqueue::add_at(const Key& key, WallTime time) {
  if (time <= clock_.wall()) return add(key);
  bool first;
  {
    std::lock_guard lock(mutex_);
    if (down_) return;
    first = wall_timers_.set(key, time);
  }
  if (first) changed_.notify_all();
}

void Workqueue::add_rate_limited(const Key& key) {
  std::uint32_t failures;
  {
    std::lock_guard lock(mutex_);
    failures = failures_[key]++;
  }
  observer_.retried();
  add_after(key, kBackoff.delay(failures));
}

void Workqueue::forget(const Key& key) {
  std::lock_guard lock(mutex_);
  failures_.erase(key);
}

std::uint32_t Workqueue::failures(const Key& key) const {
  std::lock_guard lock(mutex_);
  const auto at = failures_.find(key);
  return at == failures_.end() ? 0 : at->second;
}

void Workqueue::cancel(const Key& key) {
  std::lock_guard lock(mutex_);
  steady_timers_.cancel(key);
  wall_timers_.cancel(key);
}

std::size_t Workqueue::enqueue_due() {
  std::size_t fresh = 0;
  if (!steady_timers_.empty()) {
    for (const auto now = clock_.steady(); auto key = steady_timers_.take_due(now);) fresh += enqueue(*key);
  }
  if (!wall_timers_.empty()) {
    for (const auto now = clock_.wall(); auto key = wall_timers_.take_due(now);) fresh += enqueue(*key);
  }
  return fresh;
}

SteadyTime Workqueue::next_look() const {
  const auto now = clock_.steady();
  auto next = now + kLong;
  if (const auto first = steady_timers_.first()) next = std::min(next, *first);
  if (const auto first = wall_timers_.first()) {
    SteadyDuration left = kMaxWait;
    if (*first - clock_.wall() < kMaxWait) left = std::max<SteadyDuration>(*first - clock_.wall_precise(), {});
    next = std::min(next, now + left);
  }
  return next;
}

bool Workqueue::await_key(std::unique_lock<std::mutex>& lock, const std::stop_token& stop, std::size_t& fired) {
  while (!down_ && !stop.stop_requested()) {
    fired += enqueue_due();
    if (!queue_.empty()) return true;
    const bool minds_timers = !timekeeper_;
    if (minds_timers) timekeeper_ = true;
    ++idle_;
    clock_.wait(changed_, lock, stop, minds_timers ? next_look() : clock_.steady() + kLong);
    --idle_;
    if (minds_timers) timekeeper_ = false;
  }
  return false;
}

// There is something to do for which nobody is awake: more keys, or timers that nobody minds.
bool Workqueue::somebody_must_wake() const {
  const bool unminded = !timekeeper_ && !(steady_timers_.empty() && wall_timers_.empty());
  return idle_ > 0 && (!queue_.empty() || unminded);
}

std::optional<Workqueue::Key> Workqueue::get(std::stop_token stop) {
  std::optional<Key> key;
  std::size_t fired = 0;
  SteadyDuration in_queue{};
  bool wake;
  {
    std::unique_lock lock(mutex_);
    if (await_key(lock, stop, fired)) {
      key = std::move(queue_.front());
      queue_.pop_front();
      const auto now = clock_.steady();
      const auto since = dirty_.extract(*key);
      in_queue = now - since.mapped();
      processing_.emplace(*key, now);
    }
    wake = somebody_must_wake();
  }
  if (wake) changed_.notify_one();
  for (; fired > 0; --fired) observer_.added();
  if (key) observer_.waited(in_queue);
  return key;
}

void Workqueue::done(const Key& key) {
  SteadyDuration in_work{};
  bool again;
  {
    std::lock_guard lock(mutex_);
    const auto at = processing_.find(key);
    if (at == processing_.end()) return;
    in_work = clock_.steady() - at->second;
    processing_.erase(at);
    again = !down_ && dirty_.contains(key);
    if (again) queue_.push_back(key);
  }
  if (again) changed_.notify_one();
  observer_.worked(in_work);
}

void Workqueue::shut_down() {
  {
    std::lock_guard lock(mutex_);
    down_ = true;
  }
  changed_.notify_all();
}

std::size_t Workqueue::depth() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

Workqueue::Unfinished Workqueue::unfinished() const {
  Unfinished result;
  std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  for (const auto& [key, since] : processing_) {
    const std::chrono::duration<double> worked = now - since;
    result.sum += worked;
    result.longest = std::max(result.longest, worked);
  }
  return result;
}

}  // namespace apitoken::kube
