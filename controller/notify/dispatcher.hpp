// Dispatcher: Events and mail leave through here, on threads of their own: one for all Events, one
// for each config's mail under way, so that a mail server that hangs holds up no Event and nobody
// else's mail. Workers on any thread post and ask; nothing they call blocks on I/O. Started only
// while leading: what is posted before waits. What is not told when it stops is planned anew from
// the ledgers at the next start.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "notify/event_channel.hpp"
#include "notify/mail_lanes.hpp"
#include "notify/outbox.hpp"
#include "notify/test_mail.hpp"

namespace apitoken::notify {

// What the dispatcher asks and tells; called on any of its threads, with no lock held. Quick, but
// for mail_settings(), which is asked on the threads that mail.
class DispatcherHooks {
 public:
  virtual ~DispatcherHooks() = default;
  // Reads the smtp settings of a config and its Secrets, live. Errors: NotFound where a Secret or
  // key is missing (mail waits for kick(), and retries meanwhile), Invalid where the settings break
  // a rule, any error of the API server.
  virtual Result<MailSettings> mail_settings(const std::string& config, std::stop_token stop) = 0;
  // The notice was told in every way that applies: its token is to be reconciled, told() says what
  // to enter in the ledger.
  virtual void on_told(const Told& told) = 0;
  // report(config) changed.
  virtual void on_config_report(const std::string& config) = 0;
  // There is a mass of tokens to reconcile: what is told for information only gives way.
  virtual bool is_busy() const { return false; }
};

// Called on either thread.
class NotifyObserver {
 public:
  virtual ~NotifyObserver() = default;
  // channel: "event" or "email"; result: "sent" or "error", the latter for each attempt.
  virtual void notices_done(std::string_view channel, std::string_view result,
                            std::size_t count) = 0;
};

class Dispatcher {
 public:
  Dispatcher(EventSink& events, MailChannel& mail, DispatcherHooks& hooks, NotifyObserver& observer,
             const Clock& clock);

  // The events thread's body; the mail thread lives within it. Returns soon after `stop`, whatever
  // a server does.
  void run(std::stop_token stop);

  // Everything below: any thread, never blocks.

  // An Event that belongs to no notice. `repeatable`: a repeat of the same name is counted in its
  // series. Normal Events beyond 20 a second (burst 100) are dropped.
  void post_event(api::Event event, bool repeatable = false);
  // Tells a notice: its Event, and its mails by `route`. Idempotent: what is pending or told is not
  // told again, but follows a changed route. Older pending notices of the same token and config go,
  // unless their mail was tried already.
  void tell(const core::Notice& notice, const core::ConfigRoute& route);
  // The token is revoked: nothing more is told about it, and what was is forgotten.
  void drop_token(const std::string& uid);
  // The token is gone: the same, but that it had expired is still told where it waits.
  void token_gone(const std::string& uid);
  // The config is gone: its pending notices go too.
  void drop_config(const std::string& config);
  // The smtp settings of the config changed, or a Secret that it names did: waiting mail is tried
  // at once.
  void kick(const std::string& config);
  // The same, for a config that mails: its login is tried too, so that a wrong one shows before a
  // mail is due.
  void try_login(const std::string& config);
  // Sends a test mail, `delay` from now. Idempotent for one requested_at; report() has the answer.
  void request_test_mail(TestMailRequest request, std::chrono::seconds delay);

  // What was told about a token and is not forgotten; then forget() what stands in its ledger.
  std::vector<Told> told(const std::string& uid) const;
  void forget(const std::string& uid, const std::vector<core::NoticeKey>& keys);

  DeliveryReport report(const std::string& config) const;
  std::optional<api::TestMail> test_mail(const std::string& config) const;
  // Since when the longest waiting notice waits, for apitoken_notice_oldest_pending_seconds.
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
  // Starts what is due and not held up by an attempt of the same config.
  void start_mail(MailLanes& lanes, std::stop_token stop);
  void send_batch(Outbox::BatchId id, const std::string& config, std::stop_token stop);
  void send_test_mail(const TestMailRequest& request, std::stop_token stop);
  void check_login(const std::string& config, std::stop_token stop);
  SteadyTime next_mail(const MailLanes& lanes) const;
  void deliver(const MailSettings& settings, const Outbox::Attempt& attempt, std::stop_token stop);
  void tell_news();
  // Until `woken`, `stop`, or what `next_due` says under the lock.
  void wait(std::stop_token stop, const bool& woken, const std::function<SteadyTime()>& next_due);
  void wake();
  Outbox::Now now() const { return {clock_.wall(), clock_.steady()}; }

  MailChannel& mail_;
  DispatcherHooks& hooks_;
  NotifyObserver& observer_;
  const Clock& clock_;
  EventChannel events_;  // the events thread's own

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool events_woken_ = false;  // guarded by mutex_, as is all below
  bool mail_woken_ = false;
  std::vector<Posted> posted_;
  std::set<std::uint64_t> canceled_;
  TokenBucket normal_events_{20, 100};
  Outbox outbox_;
  TestMails test_mails_;
};

}  // namespace apitoken::notify
