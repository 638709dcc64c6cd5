// Streams: the answers without an end (NDJSON), each written by a thread of its own, because each
// waits for a watch. It counts them, pings them, and ends them with their viewer's session. Routes
// opens them on the workers' threads; started before the server and stopped before it.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <thread>

#include "base/mutex.hpp"
#include "portal/viewer.hpp"

namespace apitoken::portal {

// The producer's end of one stream. The producer's thread alone.
class Sending {
 public:
  static constexpr std::size_t kMaxAhead = 1 << 20;  // bytes that wait for the peer

  Sending(std::shared_ptr<serve::Stream> stream, std::stop_token stop)
      : stream_(std::move(stream)), stop_(std::move(stop)) {}

  // One line: a JSON document. Waits while the peer is behind. False: stop producing.
  bool line(std::string json);
  bool is_open() const { return !stop_.stop_requested() && stream_->is_open(); }
  const std::stop_token& stop() const { return stop_; }
  // False once asked to stop.
  bool pause(std::chrono::milliseconds time);

 private:
  const std::shared_ptr<serve::Stream> stream_;
  const std::stop_token stop_;
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

  using Producer = std::function<void(Sending& sending)>;
  // A streamed reply that `produce` writes. Errors: 503 if there are too many.
  Expected<serve::HttpReply> open(std::shared_ptr<Viewer> viewer, Producer produce);

  std::size_t size() const;

 private:
  struct Live {
    std::shared_ptr<Viewer> viewer;
    std::shared_ptr<serve::Stream> stream;
    std::stop_source stop;
    std::thread thread{};
    bool over = false;  // guarded by the owner's mutex_
  };
  using Place = std::list<Live>::iterator;
  class Reservation;  // a place among the streams, until its stream begins

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
  void produce(Place live, const Producer& produce);
  void look_after(std::stop_token stop);

  const Clock& clock_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::list<Live> live_ GUARDED_BY(mutex_);  // entries stay where they are
  std::multiset<const Viewer*> reserved_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = true;
  std::jthread keeper_;
};

// Now, as the browser's clock is set by: RFC 3339 with milliseconds.
std::string server_time(const Clock& clock);

}  // namespace apitoken::portal
