// EventChannel: Events on their way to the API server. Normal ones are best effort; Warnings are
// written until accepted; a fact told twice is counted in the Event's series. Single-threaded: the
// dispatcher's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <vector>

#include "api/event.hpp"
#include "base/backoff.hpp"
#include "base/result.hpp"

namespace apitoken::notify {

// Where Events are written. Errors are those of kube::Client.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual Status create(const api::Event& event, std::stop_token stop) = 0;
  // `count` times seen in all, at least 2.
  virtual Status repeat(const api::Event& event, int count, std::stop_token stop) = 0;
};

// Admits `rate` a second on average and `burst` at once.
class TokenBucket {
 public:
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), level_(burst) {}
  bool take(SteadyTime now);

 private:
  double rate_;
  double burst_;
  double level_;
  std::optional<SteadyTime> last_;
};

class EventChannel {
 public:
  // What became of an Event that was posted with a tag.
  struct Outcome {
    std::uint64_t tag;
    enum class Fate {
      Written,
      Gone,
      Failed
    } fate;  // Gone: its namespace is; Failed: will be tried again
  };

  EventChannel(EventSink& sink, const Clock& clock) : sink_(sink), clock_(clock) {}

  // `tag` 0: nobody waits for the outcome. A `repeatable` fact that was told before is counted, any
  // other is not told again.
  void post(api::Event event, bool repeatable, std::uint64_t tag);
  void cancel(const std::set<std::uint64_t>& tags);
  // Writes Events that are due, at most 50 in one call, and returns what became of them. `busy`:
  // the API server has more urgent work of ours, so Normal Events wait, up to a minute.
  std::vector<Outcome> write_due(std::stop_token stop, bool busy = false);
  // When write_due() has something to do; SteadyTime::max() if never.
  SteadyTime next_due() const;
  std::size_t pending() const { return pending_.size(); }

 private:
  struct Pending {
    api::Event event;
    bool repeatable;
    std::uint64_t tag;
    std::uint32_t failures = 0;
    SteadyTime due{};
    SteadyTime posted{};
  };
  struct Seen {
    int count = 1;
    SteadyTime patched{};
  };

  std::optional<Outcome::Fate> write(Pending& pending, std::stop_token stop);
  Status write_once(const Pending& pending, Seen* seen, std::stop_token stop);
  std::optional<Outcome::Fate> judge_failure(Pending& pending, const Error& error);
  void remember(const api::ObjectKey& key);
  void note_trouble(const api::Event& event, const Error& error);

  EventSink& sink_;
  const Clock& clock_;
  std::list<Pending> pending_;
  std::map<api::ObjectKey, Seen> seen_;
  std::deque<api::ObjectKey> seen_order_;  // oldest first
  SteadyTime paused_until_{};  // the API server does not answer: nothing is tried before
  std::uint32_t outages_ = 0;
  bool in_trouble_ = false;  // logged, until an Event is written again
};

}  // namespace apitoken::notify
