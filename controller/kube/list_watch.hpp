// ListWatch: the part of a Reflector that does not depend on the object's type: it lists in pages,
// watches, waits and logs failures. WatchMachine decides the next step. run() is the body of one
// thread; relist(), has_synced() and last_activity() may be called on any thread.
#pragma once

#include <atomic>
#include <functional>
#include <random>
#include <set>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "kube/client.hpp"
#include "kube/outage.hpp"
#include "kube/watch_decoder.hpp"
#include "kube/watch_machine.hpp"

namespace apitoken::kube {

// What to reflect.
struct Watched {
  Resource resource;
  std::string ns{};              // empty: all namespaces
  bool metadata_only = false;    // ask for PartialObjectMetadata
  std::string label_selector{};  // as in a query, not yet encoded
  std::string field_selector{};
};

// Receives the objects, on the thread of run(). If a call returns an error, the object is skipped.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  // A list of this version begins; what was listed before, without list_ends(), does not count.
  // Returns whether the list is older than what was seen before.
  virtual bool list_begins(std::string_view resource_version) = 0;
  virtual Status listed(api::Json object) = 0;
  virtual void list_ends(std::string_view resource_version) = 0;
  virtual Status changed(api::Json object) = 0;
  virtual Status removed(api::Json object) = 0;
  virtual void seen(std::string_view resource_version) = 0;  // a bookmark
};

class ListWatch {
 public:
  static constexpr int kPageSize = 500;  // as client-go; pages of 100 take twice the time
  // The page size for the rest of a list of which a page failed after more than kSlowPage.
  static constexpr int kSmallPageSize = 100;
  static constexpr std::chrono::seconds kSlowPage{10};

  // The shortest time between two lists that relist() asks for.
  static constexpr std::chrono::minutes kRelistInterval{2};

  // All outlive it. `outage` may be null; then a failed attempt waits for its own backoff.
  ListWatch(Client& client, const Clock& clock, Watched watched, ObjectSink& sink,
            Outage* outage = nullptr);
  void run(std::stop_token stop);
  // Ends the present watch and lists again, unless that was asked for within kRelistInterval.
  void relist();

  bool has_synced() const { return synced_; }
  WallTime last_activity() const { return WallTime(Seconds(last_activity_.load())); }
  const Watched& watched() const { return watched_; }

 private:
  void list(std::stop_token stop);
  Result<std::string> list_pages(std::stop_token stop);
  Result<std::string> fetch_page(std::stop_token stop);
  Result<std::string> take_page(std::string_view page, const std::function<void()>& on_more);
  void begin_list(std::string_view version);
  bool take_relist();
  void check(std::stop_token stop);
  void watch(std::stop_token stop);
  void take_event(const WatchEvent& event, SteadyTime began);
  void wait(std::stop_token stop, std::chrono::milliseconds delay);
  void note_failure();

  std::string list_query() const;
  std::string watch_query();
  void touch() { last_activity_ = clock_.wall().time_since_epoch().count(); }
  void report(Report report, std::string_view verb, const Error& error);
  void report_over(Report report);
  void complain(const Error& undecodable);

  Client& client_;
  const Clock& clock_;
  const Watched watched_;
  ObjectSink& sink_;
  Outage* const outage_;
  std::atomic<bool> synced_ = false;
  std::atomic<std::int64_t> last_activity_ = 0;

  Mutex mutex_;
  bool relist_wanted_ GUARDED_BY(mutex_) = false;
  std::optional<SteadyTime> last_relist_ GUARDED_BY(mutex_);  // when it was asked for
  std::stop_source watch_end_ GUARDED_BY(mutex_);             // ends the present watch

  // Used by the thread of run(), and by fetch_page() on a thread that run() waits for.
  WatchMachine machine_;
  bool was_away_ = false;  // the last request was left unanswered
  // The list that has begun, after a page that failed: the next attempt goes on there.
  std::string continue_token_;
  bool list_begun_ = false;
  int page_size_ = kPageSize;
  WatchDecoder decoder_;
  std::minstd_rand random_{std::random_device{}()};
  std::optional<Error> event_error_;  // the ERROR event that ended the watch
  std::set<std::string> complaints_;  // messages about undecodable objects that were logged
};

}  // namespace apitoken::kube
