// Workqueue: keys to reconcile, each at most once in the queue and with one worker at a time. A key
// that is added while a worker has it is queued again when the worker is done. It has timers, and a
// backoff per key. Reflectors and workers share it; thread-safe. It has no thread of its own: one
// of the waiting workers watches the timers. Semantics of client-go's util/workqueue, except for
// the order: urgent keys first, namespaces in turn (see FairQueue).
//
//   while (const auto key = queue.get(stop)) {
//     reconcile(*key) ? queue.reset_backoff(*key) : queue.add_rate_limited(*key);
//     queue.done(*key);
//   }
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "api/meta.hpp"
#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "kube/fair_queue.hpp"
#include "kube/timers.hpp"

namespace apitoken::kube {

// Counts events for the workqueue_* metrics. Called on the thread that adds or works, without a
// lock. Levels are read from Workqueue::depth() and unfinished().
class WorkqueueObserver {
 public:
  virtual ~WorkqueueObserver() = default;
  virtual void added() = 0;
  virtual void waited(std::chrono::duration<double> in_queue) = 0;
  virtual void worked(std::chrono::duration<double> in_work) = 0;
  virtual void retried() = 0;
};

class Workqueue {
 public:
  using Key = api::ObjectKey;
  static constexpr Backoff kBackoff{std::chrono::milliseconds(500), std::chrono::minutes(5)};
  // The wall clock is read at least this often, so that its jumps delay no timer for longer.
  static constexpr Seconds kMaxWait{30};

  // Both outlive the queue.
  Workqueue(const Clock& clock, WorkqueueObserver& observer) : clock_(clock), observer_(observer) {}

  void add(const Key& key, Urgency urgency = Urgency::Value);
  // As add(), for the echo of our own write: a key in backoff stays there until its delay ends.
  void add_echo(const Key& key, Urgency urgency);
  // Of several times for a key the earliest counts. add() does not cancel them.
  void add_after(const Key& key, SteadyDuration delay, Urgency urgency = Urgency::Value);
  void add_at(const Key& key, WallTime time, Urgency urgency = Urgency::Value);
  // Adds the key after 0.5 s x 2^failures, at most 5 min, or after `delay` if the server named one.
  // Counts one more failure.
  void add_rate_limited(const Key& key, Urgency urgency = Urgency::Value,
                        std::optional<Seconds> delay = {});
  // Ends the key's backoff: its next failure is the first.
  void reset_backoff(const Key& key);
  std::uint32_t failures(const Key& key) const;
  // Cancels the key's timers, because the object is gone. A key that is queued already stays.
  void cancel(const Key& key);

  // Waits for the next key, which belongs to this worker until done(). Empty once `stop` is
  // requested or the queue is shut down.
  std::optional<Key> get(std::stop_token stop);
  void done(const Key& key);
  // Ends all get() calls, now and later; keys added afterwards are dropped.
  void shut_down();

  std::size_t depth() const;
  struct Unfinished {
    std::chrono::duration<double> sum{};
    std::chrono::duration<double> longest{};
  };
  // How long the keys that workers have now have been worked on.
  Unfinished unfinished() const;

 private:
  // A key was added while a worker had it.
  struct Again {
    Urgency urgency;
    SteadyTime since;
    bool echo;  // only echoes of our own writes added it
  };
  struct Work {
    SteadyTime since;
    std::optional<Again> again;
  };
  struct Failing {
    std::uint32_t failures = 0;
    SteadyTime until{};  // a timer adds the key then
  };

  bool enqueue(const Key& key, Urgency urgency, bool echo) REQUIRES(mutex_);
  bool add_again(Work& work, Urgency urgency, bool echo) REQUIRES(mutex_);
  bool waits_out_backoff(const Key& key) const REQUIRES(mutex_);
  std::size_t enqueue_due() REQUIRES(mutex_);
  SteadyTime next_look() const REQUIRES(mutex_);
  bool await_key(MutexLock& lock, const std::stop_token& stop, std::size_t& fired) REQUIRES(mutex_);
  bool somebody_must_wake() const REQUIRES(mutex_);

  void add(const Key& key, Urgency urgency, bool echo);

  const Clock& clock_;
  WorkqueueObserver& observer_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  FairQueue queue_ GUARDED_BY(mutex_);                 // keys that wait for a worker
  std::map<Key, Work> processing_ GUARDED_BY(mutex_);  // keys that a worker has
  std::map<Key, Failing> failing_ GUARDED_BY(mutex_);
  Timers<Key, SteadyTime, Urgency> steady_timers_ GUARDED_BY(mutex_);
  Timers<Key, WallTime, Urgency> wall_timers_ GUARDED_BY(mutex_);
  int idle_ GUARDED_BY(mutex_) = 0;             // workers waiting in get()
  bool timekeeper_ GUARDED_BY(mutex_) = false;  // one of them also waits for the next timer
  bool down_ GUARDED_BY(mutex_) = false;
};

}  // namespace apitoken::kube
