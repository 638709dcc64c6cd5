// Which Events are due, what an answer of the API server means, how often a series is patched.
#include "notify/event_channel.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace apitoken::notify {
namespace {

constexpr Backoff kRetry{std::chrono::seconds(1), std::chrono::seconds(60)};
constexpr auto kPatchInterval = std::chrono::minutes(1);
constexpr auto kGiveWay = std::chrono::milliseconds(500);
constexpr auto kMaxGiveWay = std::chrono::minutes(1);
constexpr std::size_t kMaxWritesInARow = 50;
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
  pending_.push_back({std::move(event), repeatable, tag, 0, SteadyTime{}, clock_.steady()});
}

void EventChannel::cancel(const std::set<std::uint64_t>& tags) {
  std::erase_if(pending_, [&](const Pending& pending) {
    return pending.tag != 0 && tags.contains(pending.tag);
  });
}

std::vector<EventResult> EventChannel::write_due(std::stop_token stop, bool busy) {
  std::vector<EventResult> results;
  std::size_t writes = 0;
  SteadyTime now = clock_.steady();  // read again after each write, which may take long
  for (auto item = pending_.begin();
       item != pending_.end() && writes < kMaxWritesInARow && !stop.stop_requested();) {
    if (now < paused_until_) break;
    if (now < item->due) {
      ++item;
      continue;
    }
    if (busy && !item->event.warning && now < item->posted + kMaxGiveWay) {
      item->due = now + kGiveWay;
      ++item;
      continue;
    }
    ++writes;
    const auto fate = write(*item, stop);
    now = clock_.steady();
    if (fate) results.push_back({item->tag, *fate});
    const bool keep = fate == EventResult::Fate::Failed || stop.stop_requested();
    item = keep ? std::next(item) : pending_.erase(item);
  }
  return results;
}

std::optional<EventResult::Fate> EventChannel::write(Pending& pending, std::stop_token stop) {
  const api::ObjectKey key{pending.event.ns, pending.event.name};
  const auto known = seen_.find(key);
  const Status written = write_once(pending, known == seen_.end() ? nullptr : &known->second, stop);
  // AlreadyExists: we wrote it before a restart.
  if (!written && written.error().kind != ErrorKind::AlreadyExists)
    return classify_failure(pending, written.error());
  if (known == seen_.end()) remember(key);
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

std::optional<EventResult::Fate> EventChannel::classify_failure(Pending& pending,
                                                                const Error& error) {
  using Fate = EventResult::Fate;
  if (error.kind == ErrorKind::NotFound || is_terminating(error)) return Fate::Gone;
  if (error.kind != ErrorKind::Canceled) {
    const api::Event& event = pending.event;
    failure_log_.failed(
        error, {{"event", fmt::format("{}/{}", event.ns, event.name)}, {"reason", event.reason}});
  }
  if (!pending.event.warning) return Fate::Gone;
  const SteadyTime now = clock_.steady();
  if (is_outage(error.kind)) {
    const auto pause = kRetry.delay(outages_++);
    paused_until_ =
        now + std::max<std::chrono::milliseconds>(pause, error.retry_after.value_or(Seconds(0)));
  }
  pending.due = now + kRetry.delay(pending.failures++);
  return Fate::Failed;
}

void EventChannel::remember(const api::ObjectKey& key) {
  seen_.emplace(key, Seen{1, clock_.steady()});
  seen_order_.push_back(key);
  if (seen_order_.size() <= kMaxSeen) return;
  seen_.erase(seen_order_.front());
  seen_order_.pop_front();
}

SteadyTime EventChannel::next_due() const {
  SteadyTime next = SteadyTime::max();
  for (const Pending& pending : pending_)
    next = std::min(next, std::max(pending.due, paused_until_));
  return next;
}

}  // namespace apitoken::notify
