// Queues keys and wakes workers.
#include "kube/workqueue.hpp"

#include <algorithm>

namespace apitoken::kube {
namespace {

constexpr std::chrono::hours kLong{1};  // the wait of workers that do not watch the timers

}  // namespace

// True if the key was not waiting yet.
bool Workqueue::enqueue(const Key& key, Urgency urgency, bool echo) {
  if (down_) return false;
  if (const auto at = processing_.find(key); at != processing_.end())
    return add_again(at->second, urgency, echo);
  if (echo && waits_out_backoff(key)) return false;
  return queue_.push(key, urgency, clock_.steady());
}

bool Workqueue::add_again(Work& work, Urgency urgency, bool echo) {
  if (!work.again) {
    work.again = Again{urgency, clock_.steady(), echo};
    return true;
  }
  work.again->urgency = more_urgent(work.again->urgency, urgency);
  work.again->echo = work.again->echo && echo;
  return false;
}

bool Workqueue::waits_out_backoff(const Key& key) const {
  const auto at = failing_.find(key);
  return at != failing_.end() && clock_.steady() < at->second.until;
}

void Workqueue::add(const Key& key, Urgency urgency, bool echo) {
  {
    MutexLock lock(mutex_);
    if (!enqueue(key, urgency, echo)) return;
  }
  changed_.notify_one();
  observer_.added();
}

void Workqueue::add(const Key& key, Urgency urgency) { add(key, urgency, false); }

void Workqueue::add_echo(const Key& key, Urgency urgency) { add(key, urgency, true); }

void Workqueue::add_after(const Key& key, SteadyDuration delay, Urgency urgency) {
  if (delay <= SteadyDuration::zero()) return add(key, urgency);
  bool first;
  {
    MutexLock lock(mutex_);
    if (down_) return;
    first = steady_timers_.set(key, clock_.steady() + delay, urgency);
  }
  if (first) changed_.notify_all();  // we cannot tell which worker watches the timers
}

void Workqueue::add_at(const Key& key, WallTime time, Urgency urgency) {
  if (time <= clock_.wall()) return add(key, urgency);
  bool first;
  {
    MutexLock lock(mutex_);
    if (down_) return;
    first = wall_timers_.set(key, time, urgency);
  }
  if (first) changed_.notify_all();
}

void Workqueue::add_rate_limited(const Key& key, Urgency urgency, std::optional<Seconds> delay) {
  SteadyDuration pause;
  {
    MutexLock lock(mutex_);
    Failing& failing = failing_[key];
    pause = delay ? SteadyDuration(*delay) : SteadyDuration(kBackoff.delay(failing.failures));
    ++failing.failures;
    failing.until = clock_.steady() + pause;
  }
  observer_.retried();
  add_after(key, pause, urgency);
}

void Workqueue::reset_backoff(const Key& key) {
  MutexLock lock(mutex_);
  failing_.erase(key);
}

std::uint32_t Workqueue::failures(const Key& key) const {
  MutexLock lock(mutex_);
  const auto at = failing_.find(key);
  return at == failing_.end() ? 0 : at->second.failures;
}

void Workqueue::cancel(const Key& key) {
  MutexLock lock(mutex_);
  steady_timers_.cancel(key);
  wall_timers_.cancel(key);
}

std::size_t Workqueue::enqueue_due() {
  std::size_t fresh = 0;
  if (!steady_timers_.empty()) {
    for (const auto now = clock_.steady(); auto due = steady_timers_.take_due(now);)
      fresh += enqueue(due->key, due->tag, false);
  }
  if (!wall_timers_.empty()) {
    for (const auto now = clock_.wall(); auto due = wall_timers_.take_due(now);)
      fresh += enqueue(due->key, due->tag, false);
  }
  return fresh;
}

SteadyTime Workqueue::next_look() const {
  const auto now = clock_.steady();
  auto next = now + kLong;
  if (const auto first = steady_timers_.first()) next = std::min(next, *first);
  if (const auto first = wall_timers_.first()) {
    SteadyDuration left = kMaxWait;
    if (*first - clock_.wall() < kMaxWait)
      left = std::max<SteadyDuration>(*first - clock_.wall_precise(), {});
    next = std::min(next, now + left);
  }
  return next;
}

bool Workqueue::await_key(MutexLock& lock, const std::stop_token& stop, std::size_t& fired) {
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

// Whether an idle worker must wake: keys wait, or no worker watches the timers.
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
    MutexLock lock(mutex_);
    if (await_key(lock, stop, fired)) {
      auto taken = *queue_.pop();
      key = std::move(taken.key);
      const auto now = clock_.steady();
      in_queue = now - taken.since;
      processing_.emplace(*key, Work{now, {}});
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
  bool again = false;
  {
    MutexLock lock(mutex_);
    const auto work = processing_.extract(key);
    if (work.empty()) return;
    in_work = clock_.steady() - work.mapped().since;
    const auto& added = work.mapped().again;
    again = added && !down_ && !(added->echo && waits_out_backoff(key));
    if (again) queue_.push(key, added->urgency, added->since);
  }
  if (again) changed_.notify_one();
  observer_.worked(in_work);
}

void Workqueue::shut_down() {
  {
    MutexLock lock(mutex_);
    down_ = true;
  }
  changed_.notify_all();
}

std::size_t Workqueue::depth() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

Workqueue::Unfinished Workqueue::unfinished() const {
  Unfinished result;
  MutexLock lock(mutex_);
  const auto now = clock_.steady();
  for (const auto& [key, work] : processing_) {
    const std::chrono::duration<double> worked = now - work.since;
    result.sum += worked;
    result.longest = std::max(result.longest, worked);
  }
  return result;
}

}  // namespace apitoken::kube
