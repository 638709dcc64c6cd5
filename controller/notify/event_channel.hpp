// EventChannel: writes Events to the API server, several at a time. Normal Events are best effort;
// Warnings are retried until accepted; a repeated fact is counted in the series of its Event. Used
// by the dispatcher's Events thread alone; no lock.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "api/event.hpp"
#include "base/backoff.hpp"
#include "base/failure_log.hpp"
#include "base/result.hpp"

namespace apitoken::notify {

// Where Events are written, on several threads at once. Errors are those of kube::Client.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual Status create(const api::Event& event, std::stop_token stop) = 0;
  // `count`: how often the fact was posted in all, at least 2.
  virtual Status repeat(const api::Event& event, int count, std::stop_token stop) = 0;
};

// What became of an Event that was posted with a tag.
struct EventResult {
  enum class Fate {
    Written,
    Gone,   // its namespace is being deleted, or the server refuses a Normal Event
    Failed  // will be tried again
  };
  std::uint64_t tag;
  Fate fate;
};

class EventChannel {
 public:
  static constexpr std::size_t kAtOnce = 4;

  EventChannel(EventSink& sink, const Clock& clock) : sink_(sink), clock_(clock) {}

  // `tag` 0: no result is wanted. A repeat of an Event that was written is counted if it is
  // `repeatable`, and else not written again.
  void post(api::Event event, bool repeatable, std::uint64_t tag);
  void cancel(const std::set<std::uint64_t>& tags);
  // Writes due Events, at most 50 in one call and kAtOnce at a time, and returns the results of
  // tagged ones. `busy`: Normal Events wait up to a minute, since the API server has more urgent
  // work of ours.
  std::vector<EventResult> write_due(std::stop_token stop, bool busy = false);
  // When write_due() is to be called next; SteadyTime::max(): not before the next post().
  SteadyTime next_due() const;
  std::size_t pending() const { return pending_.size(); }

 private:
  struct Pending {
    api::Event event;
    bool repeatable;
    std::uint64_t tag;
    SteadyTime posted;
    std::uint32_t failures = 0;
  };
  using ByDue = std::multimap<SteadyTime, Pending>;
  struct Seen {
    int count = 1;
    SteadyTime patched{};
  };

  struct Write {
    ByDue::iterator item;
    std::optional<Status> result;  // empty: not tried
  };
  // The writes of one Event, one after the other on one thread.
  struct Series {
    Seen* seen = nullptr;  // null: the Event was not written before
    std::optional<Seen> fresh;
    std::vector<Write> writes;
  };

  std::vector<Series> take_due(bool busy);
  void give_way(SteadyTime now);
  void postpone(ByDue::iterator item, SteadyTime due);
  void erase(ByDue::iterator item);
  void write_all(std::vector<Series>& all, std::stop_token stop);
  bool write(Series& series, std::stop_token stop);
  Status write_once(const Pending& pending, Seen* seen, std::stop_token stop);
  std::optional<EventResult::Fate> fate_of(const Write& write);
  EventResult::Fate classify_failure(ByDue::iterator item, const Error& error);
  void remember(const api::ObjectKey& key, const Seen& seen);

  EventSink& sink_;
  const Clock& clock_;
  ByDue pending_;
  std::unordered_map<std::uint64_t, ByDue::iterator> tagged_;  // of the pending ones
  std::map<api::ObjectKey, Seen> seen_;
  std::deque<api::ObjectKey> seen_order_;  // oldest first
  SteadyTime paused_until_{};  // no write before this, since the API server does not answer
  std::uint32_t outages_ = 0;
  FailureLog failure_log_{"events cannot be written", "events are written again"};
};

}  // namespace apitoken::notify
