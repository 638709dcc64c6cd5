// Dispatcher: writes Events and sends mail.
//
// Threads: one for all Events, which has a few written at once on threads of their own, and one for
// each mail under way, so that a mail server that hangs delays only its own config. Every public
// method may be called on any thread and returns at once, except for write_event().
// Lifetime: run() is called only while this replica leads; what is submitted before that waits.
// Notices that are pending when run() ends are planned again from the ledgers at the next start.
#pragma once

#include <condition_variable>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "base/token_bucket.hpp"
#include "notify/event_channel.hpp"
#include "notify/mail_lanes.hpp"
#include "notify/outbox.hpp"
#include "notify/prompt_events.hpp"
#include "notify/test_mail.hpp"

namespace apitoken::notify {

// Reads the SMTP settings of a TokenExpiryConfig. Called on the threads that mail; may block.
class MailSettingsSource {
 public:
  virtual ~MailSettingsSource() = default;
  // Reads the Secrets live. Errors: NotFound (a Secret or a key is missing: mail waits for
  // retry_now(), and is retried meanwhile), Invalid (the settings break a rule), any error of the
  // API server.
  virtual Result<MailSettings> mail_settings(const std::string& config, std::stop_token stop) = 0;
};

// Learns what was delivered. Called on any of the dispatcher's threads, without a lock; must return
// quickly.
class DeliveryListener {
 public:
  virtual ~DeliveryListener() = default;
  // All deliveries of the notice are complete: reconcile its token, so that the notice enters the
  // ledger. Dispatcher::delivered() has the entries.
  virtual void on_delivered(const DeliveredNotice& notice) = 0;
  // Dispatcher::report(config) changed.
  virtual void on_report_changed(const std::string& config) = 0;
};

// Says whether the operator has so many tokens to reconcile that Normal Events must wait. Called on
// the Events thread.
class WorkloadGauge {
 public:
  virtual ~WorkloadGauge() = default;
  virtual bool is_busy() const = 0;
};

// Counts deliveries for the metrics. Called on any of the dispatcher's threads.
class NotifyObserver {
 public:
  virtual ~NotifyObserver() = default;
  // channel: "event" or "email"; result: "sent", or "error" for each failed attempt.
  virtual void notices_attempted(std::string_view channel, std::string_view result,
                                 std::size_t count) = 0;
};

// What a dispatcher works with. All must outlive it.
struct DispatcherParts {
  EventSink& events;
  MailChannel& mail;
  MailSettingsSource& settings;
  DeliveryListener& listener;
  const WorkloadGauge& workload;
  NotifyObserver& observer;
  const Clock& clock;
  core::Installation installation{};
  std::size_t prompt_events = 1;  // workers that may write Events themselves at once
};

class Dispatcher {
 public:
  explicit Dispatcher(DispatcherParts parts);

  // The body of the Events thread; starts and joins the mail threads. Returns soon after `stop`,
  // also while a server hangs.
  void run(std::stop_token stop);

  // Writes an Event that belongs to no notice. `repeatable`: a repeat of the same name is counted
  // in its series. Normal Events beyond 20 a second (burst 100) are dropped.
  void post_event(api::Event event, bool repeatable = false);

  // Hands over a notice: its Event, and its mails as `route` says. Idempotent: a notice that is
  // pending or delivered is not delivered again, but a pending one follows a changed route. Older
  // pending notices of the same token and config are cancelled, unless their mail was tried.
  void submit(const core::Notice& notice, const core::ConfigRoute& route);
  // Writes the Event of a notice at once, on the calling thread. Returns the time at which it was
  // written, for the ledger; the outbox then does not learn of the notice. Empty: it was not
  // written, so submit() the notice. That is so, too, if the outbox has notices about this token.
  std::optional<WallTime> write_event(const core::Notice& notice, std::stop_token stop);
  // The token was revoked: cancels its pending notices and removes its delivered ones.
  void cancel_notices(const std::string& uid);
  // The ApiToken was deleted: the same, except that a pending notice of its expiry still goes out.
  void token_deleted(const std::string& uid);
  // The TokenExpiryConfig was deleted: cancels its pending notices.
  void remove_config(const std::string& config);

  // The SMTP settings of the config or one of its Secrets changed: tries pending mail at once. If
  // an attempt with the settings from before fails later, its mail is tried at once again.
  void retry_now(const std::string& config);
  // The same, and tries the login too, so that a wrong password shows before a mail is due.
  void try_login(const std::string& config);
  // Sends a test mail, `delay` from now. Idempotent for one requested_at; test_mail() has the
  // answer.
  void request_test_mail(TestMailRequest request, std::chrono::seconds delay);

  // Delivered notices of a token that are not in its ledger yet, and their removal once they are.
  std::vector<DeliveredNotice> delivered(const std::string& uid) const;
  void remove_delivered(const std::string& uid, const std::vector<core::NoticeKey>& keys);

  DeliveryReport report(const std::string& config) const;
  // The answer to the latest test mail.
  std::optional<api::TestMail> test_mail(const std::string& config) const;
  // Since when the oldest pending notice waits, for apitoken_notice_oldest_pending_seconds.
  std::optional<WallTime> oldest_pending() const;

 private:
  struct Posted {
    api::Event event;
    bool repeatable;
    std::uint64_t tag;
  };

  void run_mail(std::stop_token stop);
  void take_posted();
  void write_events(std::stop_token stop);
  // Starts all that is due and not blocked by a running job of the same config.
  void start_mail(MailLanes& lanes, std::stop_token stop);
  void send_batch(const Outbox::Turn& turn, std::stop_token stop);
  void send_test_mail(const TestMailRequest& request, std::stop_token stop);
  void check_login(const Outbox::Turn& turn, std::stop_token stop);
  SteadyTime next_mail(const MailLanes& lanes) const REQUIRES(mutex_);
  void deliver(const MailSettings& settings, const Outbox::Attempt& attempt, std::stop_token stop);
  void report_changes();
  // Waits for `woken`, `stop` or the time of `next_due`. It reads `woken` and `next_due` locked.
  void wait(std::stop_token stop, std::condition_variable_any& wake, bool Dispatcher::* woken,
            const std::function<SteadyTime()>& next_due);
  void wake(std::condition_variable_any& loop, bool Dispatcher::* woken);
  void wake_events() { wake(events_wake_, &Dispatcher::events_woken_); }
  void wake_mail() { wake(mail_wake_, &Dispatcher::mail_woken_); }
  void wake_both() {
    wake_events();
    wake_mail();
  }
  Now now() const { return {parts_.clock.wall(), parts_.clock.steady()}; }

  const DispatcherParts parts_;
  EventChannel events_;  // used by the Events thread alone
  PromptEvents prompt_events_;

  mutable Mutex mutex_;
  std::condition_variable_any events_wake_;
  std::condition_variable_any mail_wake_;
  bool events_woken_ GUARDED_BY(mutex_) = false;
  bool mail_woken_ GUARDED_BY(mutex_) = false;
  std::vector<Posted> posted_ GUARDED_BY(mutex_);
  TokenBucket normal_events_ GUARDED_BY(mutex_){20, 100};
  Outbox outbox_ GUARDED_BY(mutex_);
  TestMails test_mails_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::notify
