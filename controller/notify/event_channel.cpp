// Which Events are due, what an answer of the API server means, how often a series is patched.
#include "notify/event_channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/thread_name.hpp"

namespace apitoken::notify {
namespace {

constexpr Backoff kRetry{std::chrono::seconds(1), std::chrono::seconds(60)};
constexpr auto kPatchInterval = std::chrono::minutes(1);
constexpr auto kGiveWay = std::chrono::milliseconds(500);
constexpr auto kMaxGiveWay = std::chrono::minutes(1);
constexpr std::size_t kMaxWritesInACall = 50;
constexpr std::size_t kMaxSeen = 4096;

// The API server admits no new object to a namespace that is being deleted. The object of the Event
// is deleted with it.
bool is_terminating(const Error& error) {
  return error.kind == ErrorKind::Forbidden &&
         error.message.find("being terminated") != std::string::npos;
}

// The API server as a whole does not serve us: other Events would fail too.
bool is_outage(ErrorKind kind) {
  return kind == ErrorKind::Unavailable || kind == ErrorKind::Internal ||
         kind == ErrorKind::Throttled || kind == ErrorKind::Unauthorized ||
         kind == ErrorKind::Canceled;
}

}  // namespace

void EventChannel::post(api::Event event, bool repeatable, std::uint64_t tag) {
  const SteadyTime now = clock_.steady();
  const auto item = pending_.emplace(now, Pending{std::move(event), repeatable, tag, now});
  if (tag != 0) tagged_.insert_or_assign(tag, item);
}

void EventChannel::cancel(const std::set<std::uint64_t>& tags) {
  for (const std::uint64_t tag : tags) {
    if (const auto at = tagged_.find(tag); at != tagged_.end()) erase(at->second);
  }
}

std::vector<EventResult> EventChannel::write_due(std::stop_token stop, bool busy) {
  std::vector<EventResult> results;
  auto all = take_due(busy);
  write_all(all, stop);
  for (const Series& series : all) {
    const api::Event& event = series.writes.front().item->second.event;
    if (series.fresh) remember({event.ns, event.name}, *series.fresh);
    for (const Write& write : series.writes) {
      const std::uint64_t tag = write.item->second.tag;
      const auto fate = fate_of(write);
      if (!fate) continue;
      results.push_back({tag, *fate});
      if (*fate != EventResult::Fate::Failed) erase(write.item);
    }
  }
  return results;
}

std::vector<EventChannel::Series> EventChannel::take_due(bool busy) {
  std::vector<Series> all;
  const SteadyTime now = clock_.steady();
  if (now < paused_until_) return all;
  if (busy) give_way(now);
  // After an outage one Event tries whether the API server answers again.
  const std::size_t most = outages_ > 0 ? 1 : kMaxWritesInACall;
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> by_name;
  std::size_t taken = 0;
  const auto end = pending_.upper_bound(now);
  for (auto item = pending_.begin(); item != end && taken < most; ++item, ++taken) {
    const api::Event& event = item->second.event;
    const auto [at, is_new] = by_name.try_emplace({event.ns, event.name}, all.size());
    if (is_new) {
      const auto known = seen_.find({event.ns, event.name});
      all.push_back({known == seen_.end() ? nullptr : &known->second, {}, {}});
    }
    all[at->second].writes.push_back({item, {}});
  }
  return all;
}

// Postpones the Normal Events that are due, to the same moment, so that the thread wakes once.
void EventChannel::give_way(SteadyTime now) {
  const SteadyTime later = now + kGiveWay - now.time_since_epoch() % kGiveWay;
  for (auto item = pending_.begin(); item != pending_.end() && item->first <= now;) {
    const auto next = std::next(item);
    if (!item->second.event.warning && now < item->second.posted + kMaxGiveWay)
      postpone(item, later);
    item = next;
  }
}

void EventChannel::postpone(ByDue::iterator item, SteadyTime due) {
  auto node = pending_.extract(item);
  node.key() = due;
  const std::uint64_t tag = node.mapped().tag;
  const auto moved = pending_.insert(std::move(node));
  if (tag != 0) tagged_[tag] = moved;
}

void EventChannel::erase(ByDue::iterator item) {
  tagged_.erase(item->second.tag);
  pending_.erase(item);
}

// Writes until all were tried, or until a write finds that the API server does not serve us.
void EventChannel::write_all(std::vector<Series>& all, std::stop_token stop) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> outage = false;
  const auto work = [&] {
    while (!outage) {
      const std::size_t mine = next++;
      if (mine >= all.size()) return;
      if (!write(all[mine], stop)) outage = true;
    }
  };
  std::vector<std::jthread> others;
  while (others.size() + 1 < std::min(kAtOnce, all.size())) {
    others.emplace_back([&] {
      name_thread("events");
      work();
    });
  }
  work();
}

// False: the API server does not serve us, or `stop` was requested.
bool EventChannel::write(Series& series, std::stop_token stop) {
  for (Write& write : series.writes) {
    if (stop.stop_requested()) return false;
    write.result = write_once(write.item->second, series.seen, stop);
    const auto& done = *write.result;
    if (!done && is_outage(done.error().kind)) return false;
    // AlreadyExists: we wrote it before a restart.
    if (!series.seen && (done || done.error().kind == ErrorKind::AlreadyExists))
      series.seen = &series.fresh.emplace(Seen{1, clock_.steady()});
  }
  return true;
}

// Empty: the Event was not tried.
std::optional<EventResult::Fate> EventChannel::fate_of(const Write& write) {
  if (!write.result) return {};
  const Status& written = *write.result;
  if (!written && written.error().kind != ErrorKind::AlreadyExists)
    return classify_failure(write.item, written.error());
  outages_ = 0;
  failure_log_.succeeded();
  return EventResult::Fate::Written;
}

// Creates the Event, or counts a repeat in its series, at most once a minute.
Status EventChannel::write_once(const Pending& pending, Seen* seen, std::stop_token stop) {
  if (!seen) return sink_.create(pending.event, stop);
  if (!pending.repeatable) return {};
  const SteadyTime now = clock_.steady();
  if (pending.failures == 0) ++seen->count;
  if (now - seen->patched < kPatchInterval) return {};
  const Status patched = sink_.repeat(pending.event, seen->count, stop);
  if (patched) seen->patched = now;
  if (patched || patched.error().kind != ErrorKind::NotFound) return patched;
  // The API server keeps Events for an hour: the series begins again.
  *seen = {1, now};
  return sink_.create(pending.event, stop);
}

EventResult::Fate EventChannel::classify_failure(ByDue::iterator item, const Error& error) {
  using Fate = EventResult::Fate;
  Pending& pending = item->second;
  if (error.kind == ErrorKind::NotFound || is_terminating(error)) return Fate::Gone;
  if (error.kind != ErrorKind::Canceled) {
    const api::Event& event = pending.event;
    failure_log_.failed(
        error, {{"event", fmt::format("{}/{}", event.ns, event.name)}, {"reason", event.reason}});
  }
  if (!pending.event.warning) return Fate::Gone;
  const SteadyTime now = clock_.steady();
  if (is_outage(error.kind) && now >= paused_until_) {
    const auto pause = kRetry.delay(outages_++);
    paused_until_ =
        now + std::max<std::chrono::milliseconds>(pause, error.retry_after.value_or(Seconds(0)));
  }
  postpone(item, now + kRetry.delay(pending.failures++));
  return Fate::Failed;
}

void EventChannel::remember(const api::ObjectKey& key, const Seen& seen) {
  seen_.emplace(key, seen);
  seen_order_.push_back(key);
  if (seen_order_.size() <= kMaxSeen) return;
  seen_.erase(seen_order_.front());
  seen_order_.pop_front();
}

SteadyTime EventChannel::next_due() const {
  if (pending_.empty()) return SteadyTime::max();
  return std::max(pending_.begin()->first, paused_until_);
}

}  // namespace apitoken::notify
