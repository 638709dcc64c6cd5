// Streams: the answers without an end (NDJSON). A producer writes each of them, on a thread of its
// own. A producer that must wait for an event returns, which ends its thread, and is called again
// when it is woken. Streams counts them, pings them, and ends them with their viewer's session.
// Routes opens them on the workers' threads; started before the server and stopped before it.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "portal/viewer.hpp"

namespace apitoken::portal {

// What a producer wants: the stream's end, or to be called again once it is woken.
enum class Next : std::uint8_t { End, Wait };

// The producer's end of one stream. For the producer's thread only, except for the results of
// stream() and wake().
class Sending {
 public:
  static constexpr std::size_t kMaxAhead = 1 << 20;  // bytes that wait for the peer

  Sending(std::shared_ptr<serve::Stream> stream, std::stop_token stop, std::function<void()> wake)
      : stream_(std::move(stream)), stop_(std::move(stop)), wake_(std::move(wake)) {}

  // For any thread, while the producer waits to be called again: the stream to write() to without
  // waiting, and the function that has the producer called. Their users end with the producer.
  const std::shared_ptr<serve::Stream>& stream() const { return stream_; }
  const std::function<void()>& wake() const { return wake_; }

  // One line: a JSON document. Waits while the peer is behind. False: stop producing.
  bool line(std::string json);
  bool is_open() const { return !stop_.stop_requested() && stream_->is_open(); }
  const std::stop_token& stop() const { return stop_; }
  // Waits for `time`. False: a stop was requested.
  bool pause(std::chrono::milliseconds time);

 private:
  const std::shared_ptr<serve::Stream> stream_;
  const std::stop_token stop_;
  const std::function<void()> wake_;
  Mutex mutex_;  // for pause() alone
  std::condition_variable_any never_;
};

class Streams {
 public:
  static constexpr std::size_t kMaxStreams = 256;
  static constexpr std::size_t kMaxOfViewer = 4;
  static constexpr std::chrono::seconds kPingAfter{15};

  explicit Streams(const Clock& clock) : clock_(clock) {}
  ~Streams() { stop(); }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  void start();
  // Ends all streams and waits for their producers.
  void stop();

  // Called on a thread of its own. After Next::Wait it is called again when it was woken; if the
  // stream ends meanwhile it is destroyed, on any thread.
  using Producer = std::function<Next(Sending& sending)>;
  // A streamed reply that `produce` writes. Errors: 503 if there are too many.
  Expected<serve::HttpReply> open(std::shared_ptr<Viewer> viewer, Producer produce);

  std::size_t size() const;

 private:
  enum class State : std::uint8_t { Runs, Waits, Over };
  // Not moved; destroyed without mutex_.
  struct Live {
    const std::shared_ptr<Viewer> viewer;
    const std::shared_ptr<serve::Stream> stream;
    const Producer produce;
    std::stop_source stop{};
    // The next three are guarded by the owner's mutex_.
    State state = State::Waits;
    bool woken = false;
    std::thread thread{};  // while it runs
    std::optional<std::stop_callback<std::function<void()>>> session_ended{};
  };
  using Id = std::uint64_t;
  using Lives = std::map<Id, std::unique_ptr<Live>>;
  class Reservation;  // a place among the streams, until its stream begins

  // Threads to join and streams to end: the keeper does that without the mutex.
  struct Leftovers {
    std::vector<std::thread> threads;
    std::vector<std::unique_ptr<Live>> lives;
  };

  bool is_full(const Viewer& viewer) const REQUIRES(mutex_);
  struct Pinged {
    std::shared_ptr<serve::Stream> stream;
    std::stop_source stop;
  };
  std::vector<Pinged> to_ping(const Viewer* viewer) const;
  void ping(const Viewer* viewer);
  void probe(const Viewer& viewer);
  void begin(std::shared_ptr<Viewer> viewer, std::shared_ptr<serve::Stream> stream,
             const Producer& produce);
  void run(Id id, Live& live) REQUIRES(mutex_);
  void produce(Id id, Live& live);
  void wake(Id id);
  void notify();
  static bool is_due(const Live& live);
  Leftovers take_due() REQUIRES(mutex_);
  static void clear(Leftovers leftovers);
  void look_after(std::stop_token stop);

  const Clock& clock_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  Lives live_ GUARDED_BY(mutex_);
  Id next_id_ GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> finished_ GUARDED_BY(mutex_);  // to be joined
  std::multiset<const Viewer*> reserved_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = true;
  std::jthread keeper_;
};

// The present time, for pages to correct their clock: RFC 3339 with milliseconds.
std::string server_time(const Clock& clock);

}  // namespace apitoken::portal
