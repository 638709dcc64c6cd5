// Workqueue: keys to reconcile, each at most once in the queue and with one worker at a time; a key
// added while it is worked on comes again afterwards. With timers and with backoff by key.
// Reflectors and workers share it; thread-safe. It has no thread of its own: one of the waiting
// workers minds the timers. Semantics of client-go's util/workqueue, but for the order: urgent keys
// first, namespaces in turn (see FairQueue).
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "api/meta.hpp"
#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "kube/fair_queue.hpp"
#include "kube/timers.hpp"

namespace apitoken::kube {

// Counts what goes on, for the workqueue_* metrics. Called on the thread that adds or works, under
// no lock. What is a level rather than an event is asked for: Workqueue::depth() and unfinished().
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
  static constexpr Seconds kMaxWait{
      30};  // the wall clock is looked at this often, so that its jumps strand nothing

  // Both outlive the queue.
  Workqueue(const Clock& clock, WorkqueueObserver& observer) : clock_(clock), observer_(observer) {}

  void add(const Key& key, Urgency urgency = Urgency::Value);
  // As add, for what a write of our own brought back: a key that waits out its backoff goes on
  // waiting, and sees the change then.
  void add_echo(const Key& key, Urgency urgency);
  // Of several times for a key the earliest counts; add() leaves them standing.
  void add_after(const Key& key, SteadyDuration delay, Urgency urgency = Urgency::Value);
  void add_at(const Key& key, WallTime time, Urgency urgency = Urgency::Value);
  // Comes again after 0.5 s x 2^failures, at most 5 min, or after `delay` if the server named one;
  // counts one failure more.
  void add_rate_limited(const Key& key, Urgency urgency = Urgency::Value,
                        std::optional<Seconds> delay = {});
  void forget(const Key& key);
  std::uint32_t failures(const Key& key) const;
  // Drops the key's timers: the object is gone. One already queued stays.
  void cancel(const Key& key);

  // The next key, which then is this worker's until done(). Nothing once `stop` is requested or the
  // queue is shut down.
  std::optional<Key> get(std::stop_token stop);
  void done(const Key& key);
  // Takes nothing more and gives nothing more; whoever waits in get() returns.
  void shut_down();

  std::size_t depth() const;
  struct Unfinished {
    std::chrono::duration<double> sum{};
    std::chrono::duration<double> longest{};
  };
  // What is being worked on right now.
  Unfinished unfinished() const;

 private:
  // A key that was added while a worker had it.
  struct Again {
    Urgency urgency;
    SteadyTime since;
    bool echo;  // nothing but echoes of own writes added it
  };
  struct Work {
    SteadyTime since;
    std::optional<Again> again;
  };
  struct Failing {
    std::uint32_t failures = 0;
    SteadyTime until{};  // a timer brings the key then
  };

  // All of these: the caller holds mutex_.
  bool enqueue(const Key& key, Urgency urgency, bool echo);
  bool add_again(Work& work, Urgency urgency, bool echo);
  bool waits_out_backoff(const Key& key) const;
  std::size_t enqueue_due();
  SteadyTime next_look() const;
  bool await_key(std::unique_lock<std::mutex>& lock, const std::stop_token& stop,
                 std::size_t& fired);
  bool somebody_must_wake() const;

  void add(const Key& key, Urgency urgency, bool echo);

  const Clock& clock_;
  WorkqueueObserver& observer_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // All below are guarded by mutex_.
  FairQueue queue_;                 // wants a worker
  std::map<Key, Work> processing_;  // with a worker, since when
  std::map<Key, Failing> failing_;
  Timers<Key, SteadyTime, Urgency> steady_timers_;
  Timers<Key, WallTime, Urgency> wall_timers_;
  int idle_ = 0;             // workers waiting in get()
  bool timekeeper_ = false;  // one of them waits for the next timer, the others for keys alone
  bool down_ = false;
};

}  // namespace apitoken::kube
