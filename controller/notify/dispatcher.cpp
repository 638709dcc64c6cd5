// The dispatcher's two loops: write or send what is due, report the changes, wait.
#include "notify/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "base/thread_name.hpp"
#include "notify/digest.hpp"

namespace apitoken::notify {
namespace {

// No wait is longer, so that a clock that jumps cannot delay a delivery for long.
constexpr auto kMaxWait = std::chrono::seconds(30);
// A person waits for the answer, which must be in status within 30 s even if the server hangs.
constexpr std::chrono::milliseconds kTestTimeout{20'000};

// Each config has a lane for its mail, one for trying its login and one for its test mail: a person
// who waits for a test mail must not wait for a digest that hangs.
constexpr std::string_view kMailLane = "mail ";
constexpr std::string_view kLoginLane = "login ";
constexpr std::string_view kTestLane = "test ";

std::string why_unsent(const Result<SendResult>& sent) {
  if (!sent) return sent.error().message;
  return sent->mail_refused ? sent->mail_refused->text : "every recipient was refused";
}

Digest digest_of(const MailSettings& settings, const Outbox::Attempt& attempt,
                 const core::Installation& installation, WallTime now) {
  std::vector<core::NoticeKey> keys;
  for (const auto& notice : attempt.notices) keys.push_back(notice.key);
  const auto& recipients = attempt.target.recipients;
  return {attempt.notices,
          settings.from,
          recipients,
          core::message_id(std::move(keys), recipients, core::domain_of(settings.from.address)),
          now,
          attempt.target.channel == Channel::UserMail,
          installation};
}

}  // namespace

Dispatcher::Dispatcher(DispatcherParts parts)
    : parts_(std::move(parts)),
      events_(parts_.events, parts_.clock),
      prompt_events_(parts_.events, parts_.clock, parts_.prompt_events) {}

void Dispatcher::run(std::stop_token stop) {
  const std::jthread mail([this, stop] {
    name_thread("mail");
    run_mail(stop);
  });
  while (!stop.stop_requested()) {
    take_posted();
    write_events(stop);
    report_changes();
    wait(stop, events_wake_, &Dispatcher::events_woken_, [this] { return events_.next_due(); });
  }
}

void Dispatcher::run_mail(std::stop_token stop) {
  {
    MailLanes lanes([this] { wake_mail(); });
    bool resting = true;  // the channel has nothing open
    while (!stop.stop_requested()) {
      {
        MutexLock lock(mutex_);
        mail_woken_ = false;
      }
      lanes.reap();
      start_mail(lanes, stop);
      report_changes();
      if (!lanes.is_empty()) {
        resting = false;
      } else if (!resting) {
        parts_.mail.rest();
        resting = true;
      }
      wait(stop, mail_wake_, &Dispatcher::mail_woken_,
           [&]() REQUIRES(mutex_) { return next_mail(lanes); });
    }
  }
  parts_.mail.rest();
}

void Dispatcher::start_mail(MailLanes& lanes, std::stop_token stop) {
  while (!lanes.is_full() && !stop.stop_requested()) {
    const auto mailing = lanes.running(kMailLane);
    const auto logging_in = lanes.running(kLoginLane);
    std::optional<Outbox::Turn> batch;
    std::optional<Outbox::Turn> login;
    std::optional<TestMailRequest> test;
    {
      MutexLock lock(mutex_);
      test = test_mails_.begin(parts_.clock.steady());
      if (!test) batch = outbox_.next_batch(parts_.clock.steady(), mailing);
      if (!test && !batch) login = outbox_.next_login(parts_.clock.steady(), logging_in);
    }
    if (test) {
      lanes.start(fmt::format("{}{}", kTestLane, test->config),
                  [=, this] { send_test_mail(*test, stop); });
    } else if (batch) {
      lanes.start(fmt::format("{}{}", kMailLane, batch->config),
                  [=, this] { send_batch(*batch, stop); });
    } else if (login) {
      lanes.start(fmt::format("{}{}", kLoginLane, login->config),
                  [=, this] { check_login(*login, stop); });
    } else {
      return;
    }
  }
}

// While all lanes run, or the one of a config does, the end of a job wakes
// the thread.
SteadyTime Dispatcher::next_mail(const MailLanes& lanes) const {
  if (lanes.is_full()) return SteadyTime::max();
  return std::min(outbox_.next_due(lanes.running(kMailLane), lanes.running(kLoginLane)),
                  test_mails_.next_due());
}

void Dispatcher::take_posted() {
  std::vector<Posted> posted;
  std::set<std::uint64_t> canceled;
  {
    MutexLock lock(mutex_);
    events_woken_ = false;
    posted = std::exchange(posted_, {});
    canceled = outbox_.take_canceled_events();
  }
  for (Posted& item : posted) events_.post(std::move(item.event), item.repeatable, item.tag);
  if (!canceled.empty()) events_.cancel(canceled);
}

void Dispatcher::write_events(std::stop_token stop) {
  using Fate = EventResult::Fate;
  std::size_t written = 0;
  std::size_t errors = 0;
  const auto results = events_.write_due(stop, parts_.workload.is_busy());
  {
    MutexLock lock(mutex_);
    for (const auto& [tag, fate] : results) {
      if (tag == 0) continue;
      if (fate == Fate::Failed) {
        ++errors;
        continue;
      }
      written += fate == Fate::Written;
      outbox_.event_finished(
          tag, fate == Fate::Written ? std::optional(parts_.clock.wall()) : std::nullopt);
    }
  }
  if (written > 0) parts_.observer.notices_attempted("event", "sent", written);
  if (errors > 0) parts_.observer.notices_attempted("event", "error", errors);
}

void Dispatcher::send_batch(const Outbox::Turn& turn, std::stop_token stop) {
  const auto settings = parts_.settings.mail_settings(turn.config, stop);
  std::optional<Outbox::Attempt> attempt;
  {
    MutexLock lock(mutex_);
    if (!settings) {
      outbox_.attempt_failed(turn, settings.error(), Outbox::FailedAt::Settings, now());
    } else {
      attempt = outbox_.begin_attempt(turn);
    }
  }
  if (!settings && !stop.stop_requested()) {
    log::warn("mail waits", {{"config", turn.config},
                             {"kind", to_string(settings.error().kind)},
                             {"error", settings.error().message}});
  }
  if (attempt) deliver(*settings, *attempt, stop);
}

void Dispatcher::check_login(const Outbox::Turn& turn, std::stop_token stop) {
  using enum Outbox::FailedAt;
  const auto settings = parts_.settings.mail_settings(turn.config, stop);
  const Status tried = settings ? parts_.mail.try_login(*settings, kTestTimeout, stop)
                                : std::unexpected(settings.error());
  {
    MutexLock lock(mutex_);
    if (tried) {
      outbox_.login_worked(turn);
    } else {
      outbox_.login_failed(turn, tried.error(), settings ? Server : Settings, now());
    }
  }
  if (!tried && tried.error().kind != ErrorKind::Canceled)
    log::warn("login to the mail server failed",
              {{"config", turn.config}, {"error", tried.error().message}});
}

void Dispatcher::send_test_mail(const TestMailRequest& request, std::stop_token stop) {
  const auto settings = parts_.settings.mail_settings(request.config, stop);
  Result<SendResult> sent = fail(ErrorKind::Invalid, "");
  if (settings) {
    const Mail mail{settings->from.address, request.recipients,
                    render_test_mail(request, *settings, parts_.installation, parts_.clock.wall()),
                    kTestTimeout};
    sent = parts_.mail.send(*settings, mail, stop);
  } else {
    sent = std::unexpected(settings.error());
  }
  const api::TestMail answer = test_mail_answer(request, sent, parts_.clock.wall());
  log::info("test mail", {{"config", request.config},
                          {"accepted", answer.accepted},
                          {"refused", answer.refused.size()},
                          {"error", answer.error}});
  {
    MutexLock lock(mutex_);
    test_mails_.finished(request, answer);
  }
  parts_.listener.on_report_changed(request.config);
}

void Dispatcher::deliver(const MailSettings& settings, const Outbox::Attempt& attempt,
                         std::stop_token stop) {
  const std::string& config = attempt.turn.config;
  const Digest digest = digest_of(settings, attempt, parts_.installation, parts_.clock.wall());
  const Mail mail{settings.from.address, attempt.envelope, render_mail(digest)};
  const auto sent = parts_.mail.send(settings, mail, stop);
  {
    MutexLock lock(mutex_);
    if (sent) {
      outbox_.attempt_finished(attempt.turn, *sent, now());
    } else {
      outbox_.attempt_failed(attempt.turn, sent.error(), Outbox::FailedAt::Server, now());
    }
  }
  const std::size_t count = attempt.notices.size();
  if (sent && !sent->accepted.empty()) {
    parts_.observer.notices_attempted("email", "sent", count);
    log::info("mail sent", {{"config", config},
                            {"notices", count},
                            {"recipients", sent->accepted.size()},
                            {"refused", sent->refused.size()},
                            {"message_id", digest.message_id}});
  } else if (sent || sent.error().kind != ErrorKind::Canceled) {
    parts_.observer.notices_attempted("email", "error", count);
    log::warn("mail not sent", {{"config", config},
                                {"notices", count},
                                {"recipients", attempt.envelope.size()},
                                {"error", why_unsent(sent)}});
  }
}

void Dispatcher::report_changes() {
  std::vector<DeliveredNotice> delivered;
  std::set<std::string> configs;
  {
    MutexLock lock(mutex_);
    delivered = outbox_.take_delivered();
    configs = outbox_.take_changed_configs();
  }
  for (const DeliveredNotice& notice : delivered) parts_.listener.on_delivered(notice);
  for (const std::string& config : configs) {
    if (!config.empty()) parts_.listener.on_report_changed(config);
  }
}

void Dispatcher::wait(std::stop_token stop, std::condition_variable_any& wake,
                      bool Dispatcher::* woken, const std::function<SteadyTime()>& next_due) {
  MutexLock lock(mutex_);
  const SteadyTime deadline = std::min(next_due(), parts_.clock.steady() + kMaxWait);
  while (!(this->*woken) && !stop.stop_requested() && parts_.clock.steady() < deadline)
    parts_.clock.wait(wake, lock, stop, deadline);
}

void Dispatcher::wake(std::condition_variable_any& loop, bool Dispatcher::* woken) {
  {
    MutexLock lock(mutex_);
    this->*woken = true;
  }
  loop.notify_all();
}

void Dispatcher::post_event(api::Event event, bool repeatable) {
  {
    MutexLock lock(mutex_);
    if (!event.warning && !normal_events_.take(parts_.clock.steady())) return;
    posted_.push_back({std::move(event), repeatable, 0});
  }
  wake_events();
}

void Dispatcher::submit(const core::Notice& notice, const core::ConfigRoute& route) {
  {
    MutexLock lock(mutex_);
    const bool is_new = outbox_.submit(notice, route, now());
    if (const auto tag = outbox_.event_tag(notice.key); is_new && tag) {
      if (notice.warning || normal_events_.take(parts_.clock.steady())) {
        posted_.push_back(
            {core::notice_event(notice, parts_.clock.wall(), parts_.installation), false, *tag});
      } else {
        outbox_.event_finished(*tag, {});
      }
    }
  }
  wake_both();
}

std::optional<WallTime> Dispatcher::write_event(const core::Notice& notice, std::stop_token stop) {
  if (!notice.warning) return {};  // Normal Events are limited in number
  {
    MutexLock lock(mutex_);
    if (outbox_.knows(notice.key.token_uid)) return {};
  }
  const auto event = core::notice_event(notice, parts_.clock.wall(), parts_.installation);
  if (!prompt_events_.write(event, std::move(stop))) return {};
  parts_.observer.notices_attempted("event", "sent", 1);
  return parts_.clock.wall();
}

void Dispatcher::cancel_notices(const std::string& uid) {
  {
    MutexLock lock(mutex_);
    outbox_.cancel_notices(uid);
  }
  wake_both();
}

void Dispatcher::token_deleted(const std::string& uid) {
  {
    MutexLock lock(mutex_);
    outbox_.token_deleted(uid);
  }
  wake_both();
}

void Dispatcher::remove_config(const std::string& config) {
  {
    MutexLock lock(mutex_);
    outbox_.remove_config(config);
    test_mails_.remove_config(config);
  }
  wake_both();
}

void Dispatcher::retry_now(const std::string& config) {
  {
    MutexLock lock(mutex_);
    outbox_.retry_now(config, parts_.clock.steady());
  }
  wake_both();
}

void Dispatcher::try_login(const std::string& config) {
  {
    MutexLock lock(mutex_);
    outbox_.retry_now(config, parts_.clock.steady());
    outbox_.request_login(config, parts_.clock.steady());
  }
  wake_both();
}

void Dispatcher::request_test_mail(TestMailRequest request, std::chrono::seconds delay) {
  {
    MutexLock lock(mutex_);
    test_mails_.request(std::move(request), parts_.clock.steady() + delay);
  }
  wake_both();
}

std::optional<api::TestMail> Dispatcher::test_mail(const std::string& config) const {
  MutexLock lock(mutex_);
  return test_mails_.result(config);
}

std::vector<DeliveredNotice> Dispatcher::delivered(const std::string& uid) const {
  MutexLock lock(mutex_);
  return outbox_.delivered(uid);
}

void Dispatcher::remove_delivered(const std::string& uid,
                                  const std::vector<core::NoticeKey>& keys) {
  MutexLock lock(mutex_);
  outbox_.remove_delivered(uid, keys);
}

DeliveryReport Dispatcher::report(const std::string& config) const {
  MutexLock lock(mutex_);
  return outbox_.report(config);
}

std::optional<WallTime> Dispatcher::oldest_pending() const {
  MutexLock lock(mutex_);
  return outbox_.oldest_pending();
}

}  // namespace apitoken::notify
