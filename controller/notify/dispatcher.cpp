// The dispatcher's two loops: write what is due, tell what became of it, wait.
#include "notify/dispatcher.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/thread_name.hpp"
#include "notify/digest.hpp"

namespace apitoken::notify {
namespace {

// A wait is never longer, so that nothing is stranded by a clock that jumps.
constexpr auto kLongestWait = std::chrono::seconds(30);

}  // namespace

Dispatcher::Dispatcher(EventSink& events, MailChannel& mail, DispatcherHooks& hooks, NotifyObserver& observer,
                       const Clock& clock)
    : mail_(mail), hooks_(hooks), observer_(observer), clock_(clock), events_(events, clock) {}

void Dispatcher::run(std::stop_token stop) {
  const std::jthread mail([this, stop] {
    name_thread("mail");
    run_mail(stop);
  });
  while (!stop.stop_requested()) {
    take_posted();
    write_events(stop);
    tell_news();
    wait(stop, events_woken_, [this] { return events_.next_due(); });
  }
}

void Dispatcher::run_mail(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const bool mailed = send_mail(stop);
    tell_news();
    if (mailed) continue;
    if (!resting_) mail_.rest();
    resting_ = true;
    wait(stop, mail_woken_, [this] { return outbox_.next_due(); });
  }
  mail_.rest();
}

void Dispatcher::take_posted() {
  std::vector<Posted> posted;
  std::set<std::uint64_t> canceled;
  {
    std::lock_guard lock(mutex_);
    events_woken_ = false;
    posted = std::exchange(posted_, {});
    canceled = std::exchange(canceled_, {});
  }
  for (Posted& item : posted) events_.post(std::move(item.event), item.repeatable, item.tag);
  if (!canceled.empty()) events_.cancel(canceled);
}

void Dispatcher::write_events(std::stop_token stop) {
  using Fate = EventChannel::Outcome::Fate;
  std::size_t written = 0;
  std::size_t errors = 0;
  const auto outcomes = events_.write_due(stop, hooks_.is_busy());
  {
    std::lock_guard lock(mutex_);
    for (const auto& [tag, fate] : outcomes) {
      if (tag == 0) continue;
      if (fate == Fate::Failed) {
        ++errors;
        continue;
      }
      written += fate == Fate::Written;
      outbox_.event_done(tag, fate == Fate::Written ? std::optional(clock_.wall()) : std::nullopt);
    }
  }
  if (written > 0) observer_.notices_done("event", "sent", written);
  if (errors > 0) observer_.notices_done("event", "error", errors);
}

// Tries one batch; false where none is due.
bool Dispatcher::send_mail(std::stop_token stop) {
  std::optional<std::pair<Outbox::BatchId, std::string>> next;
  {
    std::lock_guard lock(mutex_);
    mail_woken_ = false;
    next = outbox_.next_batch(clock_.steady());
  }
  if (!next || stop.stop_requested()) return false;
  const auto& [id, config] = *next;
  const auto settings = hooks_.mail_settings(config, stop);
  std::optional<Outbox::Attempt> attempt;
  {
    std::lock_guard lock(mutex_);
    if (!settings) {
      outbox_.failed(id, config, settings.error(), now());
    } else {
      attempt = outbox_.begin(id);
    }
  }
  if (!settings && !stop.stop_requested()) {
    spdlog::warn("mail waits: config={} kind={} error=\"{}\"", config, to_string(settings.error().kind),
                 settings.error().message);
  }
  if (attempt) deliver(*settings, *attempt, stop);
  return true;
}

void Dispatcher::deliver(const MailSettings& settings, const Outbox::Attempt& attempt, std::stop_token stop) {
  std::vector<core::NoticeKey> keys;
  for (const auto& notice : attempt.notices) keys.push_back(notice.key);
  const Digest digest{attempt.notices, settings.from, attempt.recipients,
                      core::message_id(std::move(keys), attempt.recipients, core::domain_of(settings.from.address)),
                      clock_.wall()};
  const Mail mail{settings.from.address, attempt.remaining, render_mail(digest)};
  resting_ = false;
  const auto outcome = mail_.send(settings, mail, stop);
  {
    std::lock_guard lock(mutex_);
    if (outcome) {
      outbox_.finished(attempt.batch, *outcome, now());
    } else {
      outbox_.failed(attempt.batch, attempt.config, outcome.error(), now());
    }
  }
  const std::size_t count = attempt.notices.size();
  if (outcome && !outcome->accepted.empty()) {
    observer_.notices_done("email", "sent", count);
    spdlog::info("mail sent: config={} notices={} recipients={} refused={} message_id={}", attempt.config, count,
                 outcome->accepted.size(), outcome->refused.size(), digest.message_id);
  } else if (outcome || outcome.error().kind != ErrorKind::Canceled) {
    observer_.notices_done("email", "error", count);
    spdlog::warn("mail not sent: config={} notices={} error=\"{}\"", attempt.config, count,
                 outcome ? "every recipient was refused" : outcome.error().message);
  }
}

void Dispatcher::tell_news() {
  std::vector<Told> news;
  std::set<std::string> configs;
  {
    std::lock_guard lock(mutex_);
    news = outbox_.take_news();
    configs = outbox_.take_changed_configs();
  }
  for (const Told& told : news) hooks_.on_told(told);
  for (const std::string& config : configs) {
    if (!config.empty()) hooks_.on_config_report(config);
  }
}

void Dispatcher::wait(std::stop_token stop, const bool& woken, const std::function<SteadyTime()>& next_due) {
  std::unique_lock lock(mutex_);
  const SteadyTime deadline = std::min(next_due(), clock_.steady() + kLongestWait);
  while (!woken && !stop.stop_requested() && clock_.steady() < deadline) clock_.wait(wake_, lock, stop, deadline);
}

void Dispatcher::wake() {
  {
    std::lock_guard lock(mutex_);
    events_woken_ = true;
    mail_woken_ = true;
  }
  wake_.notify_all();
}

void Dispatcher::post_event(api::Event event, bool repeatable) {
  {
    std::lock_guard lock(mutex_);
    if (!event.warning && !normal_events_.take(clock_.steady())) return;
    posted_.push_back({std::move(event), repeatable, 0});
  }
  wake();
}

void Dispatcher::tell(const core::Notice& notice, const core::ConfigRoute& route) {
  {
    std::lock_guard lock(mutex_);
    const bool fresh = outbox_.tell(notice, route, now());
    canceled_.merge(outbox_.take_superseded());
    if (const auto tag = outbox_.event_tag(notice.key); fresh && tag) {
      if (notice.warning || normal_events_.take(clock_.steady())) {
        posted_.push_back({core::notice_event(notice, clock_.wall()), false, *tag});
      } else {
        outbox_.event_done(*tag, {});
      }
    }
  }
  wake();
}

void Dispatcher::drop_token(const std::string& uid) {
  {
    std::lock_guard lock(mutex_);
    canceled_.merge(outbox_.drop_token(uid));
  }
  wake();
}

void Dispatcher::token_gone(const std::string& uid) {
  {
    std::lock_guard lock(mutex_);
    canceled_.merge(outbox_.token_gone(uid));
  }
  wake();
}

void Dispatcher::drop_config(const std::string& config) {
  {
    std::lock_guard lock(mutex_);
    canceled_.merge(outbox_.drop_config(config));
  }
  wake();
}

void Dispatcher::kick(const std::string& config) {
  {
    std::lock_guard lock(mutex_);
    outbox_.kick(config, clock_.steady());
  }
  wake();
}

std::vector<Told> Dispatcher::told(const std::string& uid) const {
  std::lock_guard lock(mutex_);
  return outbox_.told(uid);
}

void Dispatcher::forget(const std::string& uid, const std::vector<core::NoticeKey>& keys) {
  std::lock_guard lock(mutex_);
  outbox_.forget(uid, keys);
}

DeliveryReport Dispatcher::report(const std::string& config) const {
  std::lock_guard lock(mutex_);
  return outbox_.report(config);
}

std::optional<WallTime> Dispatcher::oldest_pending() const {
  std::lock_guard lock(mutex_);
  return outbox_.oldest_pending();
}

}  // namespace apitoken::notify
