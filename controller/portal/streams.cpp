// Producers' threads, pings and limits.
#include "portal/streams.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/rfc3339.hpp"
#include "base/thread_name.hpp"

namespace apitoken::portal {
namespace {

// Between two probes of streams whose peer may be gone.
constexpr std::chrono::milliseconds kProbePause{100};

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
  std::list<Live> left;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    for (auto& live : live_) live.stop.request_stop();
  }
  MutexLock lock(mutex_);
  changed_.wait(lock,
                [this]() REQUIRES(mutex_) { return std::ranges::all_of(live_, &Live::over); });
  left.splice(left.end(), live_);
  lock.unlock();
  for (auto& live : left) live.thread.join();
}

std::size_t Streams::size() const {
  const MutexLock lock(mutex_);
  return live_.size() + reserved_.size();
}

bool Streams::is_full(const Viewer& viewer) const {
  std::size_t all = reserved_.size(), own = reserved_.count(&viewer);
  for (const auto& live : live_) {
    if (live.over || !live.stream->is_open()) continue;
    ++all;
    own += live.viewer.get() == &viewer ? 1 : 0;
  }
  return stopped_ || all >= kMaxStreams || own >= kMaxOfViewer;
}

// The streams that are pinged now, of one viewer or (null) of all.
std::vector<Streams::Pinged> Streams::to_ping(const Viewer* viewer) const {
  const MutexLock lock(mutex_);
  std::vector<Pinged> found;
  for (const auto& live : live_) {
    if (!live.over && (viewer == nullptr || live.viewer.get() == viewer))
      found.push_back({live.stream, live.stop});
  }
  return found;
}

void Streams::ping(const Viewer* viewer) {
  for (auto& [stream, stop] : to_ping(viewer)) {
    if (!stream->write(fmt::format("{{\"ping\":\"{}\"}}\n", server_time(clock_))))
      stop.request_stop();
  }
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
  const MutexLock lock(mutex_);
  if (stopped_) return stream->end();
  const auto live = live_.insert(
      live_.end(), Live{.viewer = std::move(viewer), .stream = std::move(stream), .stop = {}});
  live->thread = std::thread([this, live, producer] { produce(live, producer); });
}

void Streams::produce(Place live, const Producer& producer) {
  name_thread("portal-stream");
  const auto viewer = live->viewer;
  {
    const std::stop_callback ended(viewer->ended(), [live] { live->stop.request_stop(); });
    Sending sending(live->stream, live->stop.get_token());
    try {
      producer(sending);
    } catch (const std::exception& error) {
      log::error("a stream broke", {{"error", error.what()}});
    }
  }
  live->stream->end();
  const MutexLock lock(mutex_);
  live->over = true;
  changed_.notify_all();
}

// Pings, and joins those that ended.
void Streams::look_after(std::stop_token stop) {
  name_thread("portal-keeper");
  auto next = std::chrono::steady_clock::now() + kPingAfter;
  while (!stop.stop_requested()) {
    std::list<Live> over;
    {
      MutexLock lock(mutex_);
      changed_.wait_until(lock, stop, next, [this]() REQUIRES(mutex_) {
        return std::ranges::any_of(live_, &Live::over);
      });
      for (auto at = live_.begin(); at != live_.end();) {
        const auto here = at++;
        if (here->over) over.splice(over.end(), live_, here);
      }
    }
    for (auto& live : over) live.thread.join();
    if (std::chrono::steady_clock::now() < next) continue;
    ping(nullptr);
    next = std::chrono::steady_clock::now() + kPingAfter;
  }
}

}  // namespace apitoken::portal
