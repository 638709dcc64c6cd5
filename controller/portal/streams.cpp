// Producers' threads, pings and limits.
#include "portal/streams.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/heap_trimmer.hpp"
#include "base/log.hpp"
#include "base/rfc3339.hpp"
#include "base/thread_name.hpp"

namespace apitoken::portal {
namespace {

// Between two probes of streams whose peer may be gone.
constexpr std::chrono::milliseconds kProbePause{100};
// Between two looks for memory that lists and closed connections have left.
constexpr std::chrono::seconds kTrimAfter{5};

}  // namespace

class Streams::Reservation {
 public:
  Reservation(Streams& streams, const Viewer& viewer) : streams_(streams), viewer_(viewer) {}
  ~Reservation() {
    const MutexLock lock(streams_.mutex_);
    streams_.reserved_.erase(streams_.reserved_.find(&viewer_));
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

 private:
  Streams& streams_;
  const Viewer& viewer_;
};

std::string server_time(const Clock& clock) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(clock.wall_precise());
  const auto whole = std::chrono::floor<Seconds>(now);
  auto text = format_rfc3339(whole);
  text.pop_back();  // the Z
  return fmt::format("{}.{:03}Z", text, (now - whole).count());
}

bool Sending::line(std::string json) {
  json += '\n';
  return !stop_.stop_requested() && stream_->await_room(kMaxAhead, stop_) &&
         stream_->write(std::move(json));
}

bool Sending::pause(std::chrono::milliseconds time) {
  MutexLock lock(mutex_);
  never_.wait_for(lock, stop_, time, [] { return false; });
  return is_open();
}

void Streams::start() {
  {
    const MutexLock lock(mutex_);
    stopped_ = false;
  }
  keeper_ = std::jthread([this](std::stop_token stop) { look_after(std::move(stop)); });
}

void Streams::stop() {
  keeper_ = {};
  std::vector<std::stop_source> stops;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    for (const auto& [id, live] : live_) stops.push_back(live->stop);
  }
  for (auto& stop : stops) stop.request_stop();
  Leftovers leftovers;
  {
    MutexLock lock(mutex_);
    changed_.wait(lock, [this]() REQUIRES(mutex_) {
      return std::ranges::none_of(
          live_, [](const auto& entry) { return entry.second->state == State::Runs; });
    });
    leftovers.threads = std::exchange(finished_, {});
    for (auto& [id, live] : std::exchange(live_, {})) leftovers.lives.push_back(std::move(live));
  }
  clear(std::move(leftovers));
}

std::size_t Streams::size() const {
  const MutexLock lock(mutex_);
  return live_.size() + reserved_.size();
}

bool Streams::is_full(const Viewer& viewer) const {
  std::size_t all = reserved_.size(), own = reserved_.count(&viewer);
  for (const auto& [id, live] : live_) {
    if (live->state == State::Over || !live->stream->is_open()) continue;
    ++all;
    own += live->viewer.get() == &viewer ? 1 : 0;
  }
  return stopped_ || all >= kMaxStreams || own >= kMaxOfViewer;
}

// The streams that are pinged now, of one viewer or (null) of all.
std::vector<Streams::Pinged> Streams::to_ping(const Viewer* viewer) const {
  const MutexLock lock(mutex_);
  std::vector<Pinged> found;
  for (const auto& [id, live] : live_) {
    if (live->state != State::Over && (viewer == nullptr || live->viewer.get() == viewer))
      found.push_back({live->stream, live->stop});
  }
  return found;
}

void Streams::ping(const Viewer* viewer) {
  for (auto& [stream, stop] : to_ping(viewer)) {
    if (!stream->write(fmt::format("{{\"ping\":\"{}\"}}\n", server_time(clock_))))
      stop.request_stop();
  }
  notify();
}

// A peer that went away is noticed when something is sent to it. Two pings: the first one is
// answered by a reset, the second one meets it.
void Streams::probe(const Viewer& viewer) {
  for (int i = 0; i < 2; ++i) {
    ping(&viewer);
    std::this_thread::sleep_for(kProbePause);
  }
}

Expected<serve::HttpReply> Streams::open(std::shared_ptr<Viewer> viewer, Producer produce) {
  std::shared_ptr<Reservation> reservation;
  for (int attempt = 0; attempt < 2 && !reservation; ++attempt) {
    if (attempt > 0) probe(*viewer);
    const MutexLock lock(mutex_);
    if (is_full(*viewer)) continue;
    reserved_.insert(viewer.get());
    reservation = std::make_shared<Reservation>(*this, *viewer);
  }
  if (!reservation) {
    return refuse({.status = 503,
                   .reason = "TooManyStreams",
                   .message = "Too many pages of this portal are open at once.",
                   .remedy = "Close some of them. This one is updated every 30 seconds meanwhile.",
                   .retry_after = Seconds(30)});
  }
  serve::HttpAnswer head{.content_type = "application/x-ndjson",
                         .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}};
  return serve::Streamed{std::move(head),
                         [this, viewer = std::move(viewer), produce = std::move(produce),
                          reservation](std::shared_ptr<serve::Stream> stream) mutable {
                           begin(viewer, std::move(stream), produce);
                           reservation.reset();
                         }};
}

void Streams::begin(std::shared_ptr<Viewer> viewer, std::shared_ptr<serve::Stream> stream,
                    const Producer& producer) {
  auto live = std::unique_ptr<Live>(new Live{std::move(viewer), stream, producer});
  // Without the mutex: a session that has ended calls it at once.
  live->session_ended.emplace(live->viewer->ended(), [this, stop = live->stop]() mutable {
    stop.request_stop();
    notify();
  });
  const MutexLock lock(mutex_);
  if (stopped_) return stream->end();
  const auto id = next_id_++;
  run(id, *live_.emplace(id, std::move(live)).first->second);
}

void Streams::run(Id id, Live& live) {
  live.woken = false;
  try {
    live.thread = std::thread([this, id, &live] { produce(id, live); });
    live.state = State::Runs;
  } catch (const std::system_error& error) {
    log::error("no thread for a stream", {{"error", error.what()}});
    live.state = State::Over;
  }
}

void Streams::produce(Id id, Live& live) {
  name_thread("portal-stream");
  Next next = Next::End;
  try {
    Sending sending(live.stream, live.stop.get_token(), [this, id] { wake(id); });
    next = live.produce(sending);
  } catch (const std::exception& error) {
    log::error("a stream broke", {{"error", error.what()}});
  }
  if (next == Next::End) live.stream->end();
  const MutexLock lock(mutex_);
  live.state = next == Next::End ? State::Over : State::Waits;
  finished_.push_back(std::move(live.thread));
  changed_.notify_all();
}

void Streams::wake(Id id) {
  const MutexLock lock(mutex_);
  if (const auto found = live_.find(id); found != live_.end()) found->second->woken = true;
  changed_.notify_all();
}

// For changes made without the mutex: with it, the keeper cannot miss the notification.
void Streams::notify() {
  const MutexLock lock(mutex_);
  changed_.notify_all();
}

// Whether the keeper has something to do.
bool Streams::is_due(const Live& live) {
  return live.state == State::Over ||
         (live.state == State::Waits && (live.woken || live.stop.stop_requested()));
}

Streams::Leftovers Streams::take_due() {
  Leftovers leftovers{.threads = std::exchange(finished_, {}), .lives = {}};
  for (auto at = live_.begin(); at != live_.end();) {
    const auto here = at++;
    auto& [id, live] = *here;
    if (!is_due(*live)) continue;
    if (live->state == State::Waits && !live->stop.stop_requested()) {
      run(id, *live);
      continue;
    }
    leftovers.lives.push_back(std::move(live));
    live_.erase(here);
  }
  return leftovers;
}

void Streams::clear(Leftovers leftovers) {
  for (auto& thread : leftovers.threads) thread.join();
  for (auto& live : leftovers.lives) live->stream->end();
}

// Pings, calls producers again, and removes the streams that ended. Gives back the memory of lists.
void Streams::look_after(std::stop_token stop) {
  name_thread("portal-keeper");
  HeapTrimmer heap;
  auto next = std::chrono::steady_clock::now() + kPingAfter;
  while (!stop.stop_requested()) {
    Leftovers leftovers;
    {
      MutexLock lock(mutex_);
      const auto until = std::min(next, std::chrono::steady_clock::now() + kTrimAfter);
      changed_.wait_until(lock, stop, until, [this]() REQUIRES(mutex_) {
        return !finished_.empty() ||
               std::ranges::any_of(live_, [](const auto& entry) { return is_due(*entry.second); });
      });
      leftovers = take_due();
    }
    clear(std::move(leftovers));
    heap.look();
    if (std::chrono::steady_clock::now() < next) continue;
    ping(nullptr);
    next = std::chrono::steady_clock::now() + kPingAfter;
  }
}

}  // namespace apitoken::portal
