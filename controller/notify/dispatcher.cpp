// The dispatcher's two loops: write what is due, tell what became of it, wait.
#include "notify/dispatcher.hpp"

#include <fmt/format.h>
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
// Somebody waits for the answer: it must be in status within 30 s, whatever the server does.
constexpr std::chrono::milliseconds kTestPatience{20'000};

// Lanes: each config has one for its mail, one for trying its login and one for its test mail, for
// what somebody looks at must not wait until a server that hangs has had its time.
constexpr std::string_view kMailLane = "mail ";
constexpr std::string_view kLoginLane = "login ";
constexpr std::string_view kTestLane = "test ";

std::string why_unsent(const Result<SendOutcome>& outcome) {
  if (!outcome) return outcome.error().message;
  return outcome->mail_refused ? outcome->mail_refused->text : "every recipient was refused";
}

}  // namespace

Dispatcher::Dispatcher(EventSink& events, MailChannel& mail, DispatcherHooks& hooks,
                       NotifyObserver& observer, const Clock& clock)
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
  {
    MailLanes lanes([this] { wake(); });
    bool resting = true;  // the channel has nothing open
    while (!stop.stop_requested()) {
      {
        std::lock_guard lock(mutex_);
        mail_woken_ = false;
      }
      lanes.reap();
      start_mail(lanes, stop);
      tell_news();
      if (!lanes.is_empty()) {
        resting = false;
      } else if (!resting) {
        mail_.rest();
        resting = true;
      }
      wait(stop, mail_woken_, [&] { return next_mail(lanes); });
    }
  }
  mail_.rest();
}

void Dispatcher::start_mail(MailLanes& lanes, std::stop_token stop) {
  while (!lanes.is_full() && !stop.stop_requested()) {
    const auto mailing = lanes.running(kMailLane);
    const auto logging_in = lanes.running(kLoginLane);
    std::optional<std::pair<Outbox::BatchId, std::string>> batch;
    std::optional<std::string> login;
    std::optional<TestMailRequest> test;
    {
      std::lock_guard lock(mutex_);
      test = test_mails_.begin(clock_.steady());
      if (!test) batch = outbox_.next_batch(clock_.steady(), mailing);
      if (!test && !batch) login = outbox_.next_login(clock_.steady(), logging_in);
    }
    if (test) {
      lanes.start(fmt::format("{}{}", kTestLane, test->config),
                  [=, this] { send_test_mail(*test, stop); });
    } else if (batch) {
      lanes.start(fmt::format("{}{}", kMailLane, batch->second),
                  [=, this] { send_batch(batch->first, batch->second, stop); });
    } else if (login) {
      lanes.start(fmt::format("{}{}", kLoginLane, *login),
                  [=, this] { check_login(*login, stop); });
    } else {
      return;
    }
  }
}

// Under the lock. A full set of lanes, or a busy one, wakes the thread when a job ends.
SteadyTime Dispatcher::next_mail(const MailLanes& lanes) const {
  if (lanes.is_full()) return SteadyTime::max();
  return std::min(outbox_.next_due(lanes.running(kMailLane), lanes.running(kLoginLane)),
                  test_mails_.next_due());
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

void Dispatcher::send_batch(Outbox::BatchId id, const std::string& config, std::stop_token stop) {
  const auto settings = hooks_.mail_settings(config, stop);
  std::optional<Outbox::Attempt> attempt;
  {
    std::lock_guard lock(mutex_);
    if (!settings) {
      outbox_.failed(id, config, settings.error(), now(), true);
    } else {
      attempt = outbox_.begin(id);
    }
  }
  if (!settings && !stop.stop_requested()) {
    spdlog::warn("mail waits: config={} kind={} error=\"{}\"", config,
                 to_string(settings.error().kind), settings.error().message);
  }
  if (attempt) deliver(*settings, *attempt, stop);
}

void Dispatcher::check_login(const std::string& config, std::stop_token stop) {
  const auto settings = hooks_.mail_settings(config, stop);
  const Status tried = settings ? mail_.try_login(*settings, kTestPatience, stop)
                                : std::unexpected(settings.error());
  {
    std::lock_guard lock(mutex_);
    if (tried) {
      outbox_.login_worked(config);
    } else {
      outbox_.login_failed(config, tried.error(), now(), !settings);
    }
  }
  if (!tried && tried.error().kind != ErrorKind::Canceled)
    spdlog::warn("mail would not go: config={} error=\"{}\"", config, tried.error().message);
}

void Dispatcher::send_test_mail(const TestMailRequest& request, std::stop_token stop) {
  const auto settings = hooks_.mail_settings(request.config, stop);
  Result<SendOutcome> outcome = fail(ErrorKind::Invalid, "");
  if (settings) {
    const Mail mail{settings->from.address, request.recipients,
                    render_test_mail(request, *settings, clock_.wall()), kTestPatience};
    outcome = mail_.send(*settings, mail, stop);
  } else {
    outcome = std::unexpected(settings.error());
  }
  const api::TestMail result = test_mail_result(request, outcome, clock_.wall());
  spdlog::info("test mail: config={} accepted={} refused={} error=\"{}\"", request.config,
               result.accepted, result.refused.size(), result.error);
  {
    std::lock_guard lock(mutex_);
    test_mails_.finished(request, result);
  }
  hooks_.on_config_report(request.config);
}

void Dispatcher::deliver(const MailSettings& settings, const Outbox::Attempt& attempt,
                         std::stop_token stop) {
  std::vector<core::NoticeKey> keys;
  for (const auto& notice : attempt.notices) keys.push_back(notice.key);
  const Digest digest{
      attempt.notices,
      settings.from,
      attempt.recipients,
      core::message_id(std::move(keys), attempt.recipients, core::domain_of(settings.from.address)),
      clock_.wall(),
      attempt.to_user};
  const Mail mail{settings.from.address, attempt.envelope, render_mail(digest)};
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
    spdlog::info("mail sent: config={} notices={} recipients={} refused={} message_id={}",
                 attempt.config, count, outcome->accepted.size(), outcome->refused.size(),
                 digest.message_id);
  } else if (outcome || outcome.error().kind != ErrorKind::Canceled) {
    observer_.notices_done("email", "error", count);
    spdlog::warn("mail not sent: config={} notices={} recipients={} error=\"{}\"", attempt.config,
                 count, attempt.envelope.size(), why_unsent(outcome));
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

void Dispatcher::wait(std::stop_token stop, const bool& woken,
                      const std::function<SteadyTime()>& next_due) {
  std::unique_lock lock(mutex_);
  const SteadyTime deadline = std::min(next_due(), clock_.steady() + kLongestWait);
  while (!woken && !stop.stop_requested() && clock_.steady() < deadline)
    clock_.wait(wake_, lock, stop, deadline);
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
    test_mails_.drop_config(config);
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

void Dispatcher::try_login(const std::string& config) {
  {
    std::lock_guard lock(mutex_);
    outbox_.want_login(config, clock_.steady());
    outbox_.kick(config, clock_.steady());
  }
  wake();
}

void Dispatcher::request_test_mail(TestMailRequest request, std::chrono::seconds delay) {
  {
    std::lock_guard lock(mutex_);
    test_mails_.request(std::move(request), clock_.steady() + delay);
  }
  wake();
}

std::optional<api::TestMail> Dispatcher::test_mail(const std::string& config) const {
  std::lock_guard lock(mutex_);
  return test_mails_.result(config);
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
