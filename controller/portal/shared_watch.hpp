// SharedWatch: one WATCH of ApiTokens, with the credentials of one viewer, for all streams of that
// viewer that follow the same ones; each connection to the API server costs 300 KiB. Each stream
// still lists for itself. SharedWatches finds the watch of a stream or begins one; a viewer has one
// SharedWatches. A watch has a thread, which calls its listeners. It never waits for a listener,
// and never serves another viewer.
//
// A stream joins before it lists. The first one's list says from where to watch, and the others
// list after the watch has begun, so that no change falls between a list and the watch. Listeners
// keep the changes that come before their list ends.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "kube/client.hpp"
#include "portal/problem.hpp"

namespace apitoken::portal {

// Which ApiTokens.
struct Watched {
  std::string ns;        // empty: all namespaces
  std::string selector;  // "&fieldSelector=…"; empty: all of them

  auto operator<=>(const Watched&) const = default;
};

// Both are called on the watch's thread, and return at once.
class WatchListener {
 public:
  virtual ~WatchListener() = default;
  // `line` is NDJSON without its end; `version` that of the changed object.
  virtual void changed(const Watched& watched, std::string_view version,
                       const std::string& line) = 0;
  // No change comes any more: list again. Empty: nothing broke.
  virtual void ended(const std::optional<Problem>& problem) = 0;
};

class SharedWatch {
 public:
  // `client` outlives the watch.
  SharedWatch(kube::Client& client, Watched watched)
      : client_(client), watched_(std::move(watched)) {}
  // When the last stream has left; never on the watch's own thread.
  ~SharedWatch() = default;
  SharedWatch(const SharedWatch&) = delete;
  SharedWatch& operator=(const SharedWatch&) = delete;

 private:
  friend class SharedWatches;
  enum class State : std::uint8_t { Opening, Open, Over };

  // Waits for the first list. False: the watch has ended, or `stop` came.
  bool await_open(const std::stop_token& stop);
  // False: the watch has ended.
  bool add(std::weak_ptr<WatchListener> listener);
  void open(std::string version);
  void close(const std::optional<Problem>& problem);
  bool has_ended() const;
  std::vector<std::shared_ptr<WatchListener>> listeners() const;
  void run(const std::string& version, const std::stop_token& stop);
  std::optional<Problem> watch(const std::string& version, const std::stop_token& stop);

  kube::Client& client_;
  const Watched watched_;
  mutable Mutex mutex_;
  std::condition_variable_any opened_;
  State state_ GUARDED_BY(mutex_) = State::Opening;
  std::vector<std::weak_ptr<WatchListener>> listeners_ GUARDED_BY(mutex_);
  std::jthread thread_;  // the last member: ends before the others go
};

class SharedWatches {
 public:
  explicit SharedWatches(kube::Client& client) : client_(client) {}
  SharedWatches(const SharedWatches&) = delete;
  SharedWatches& operator=(const SharedWatches&) = delete;

  // Reads the first page of a list; returns the list's version.
  using List = std::function<Expected<std::string>()>;
  // Joins the watch of those ApiTokens, or begins it, and calls `list` once. The caller keeps the
  // watch as long as it listens, but not in the listener. Errors: that of `list`.
  Expected<std::shared_ptr<SharedWatch>> join(const Watched& watched,
                                              const std::shared_ptr<WatchListener>& listener,
                                              const List& list, const std::stop_token& stop);

  // The number of watches in use.
  std::size_t size() const;

 private:
  static Expected<std::shared_ptr<SharedWatch>> begin(
      std::shared_ptr<SharedWatch> watch, const std::shared_ptr<WatchListener>& listener,
      const List& list);
  // The watch, and whether it is new: then the caller begins it.
  std::pair<std::shared_ptr<SharedWatch>, bool> find_or_make(const Watched& watched);

  kube::Client& client_;
  mutable Mutex mutex_;
  std::map<Watched, std::weak_ptr<SharedWatch>> watches_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::portal
