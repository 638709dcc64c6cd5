// Outbox: which deliveries of which notices are open, and what to try next. The dispatcher's
// memory: plain values, time as an argument; no I/O, no thread and no lock of its own (the
// dispatcher calls it under its lock).
//
//   submit()
//      |          the Event was written              all deliveries
//      v          the mail was accepted              are delivered          in status.notices
//   Waiting -------------------------> Delivered -------------------> delivered() ----> removed
//      |  ^                              ^
//      |  | the route changed:           | accepted
//      |  | another target               |
//      |  +---------------------------+  |
//      | begin_attempt()              |  |
//      +--------------------------> Tried --+
//                                     ^     | failed, or refused for now: again after a pause
//                                     +-----+
//   Cancelled, in Waiting or Tried: the token was revoked or deleted, the config was removed.
//   Cancelled, in Waiting alone: a nearer reminder or a later expiry of the same token and config.
//
// A mail delivery joins the batch of its target. A batch collects notices for the config's digest
// delay, is frozen at its first attempt (a repeated mail then has the same Message-ID), and is
// tried until a server accepted it. A server that fails pauses all batches of its config
// (MailHealth); recipients that are refused for now delay their own batch alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "notify/delivery.hpp"
#include "notify/mail_health.hpp"

namespace apitoken::notify {

// A notice whose deliveries are all complete: an entry for the ledger.
struct DeliveredNotice {
  api::ObjectKey token;
  core::NoticeKey key;
  std::optional<WallTime> event_at;  // absent: a Normal Event that was dropped
  std::optional<WallTime> sent_at;   // absent: no mail applied

  bool operator==(const DeliveredNotice&) const = default;
};

class Outbox {
 public:
  using BatchId = std::uint64_t;
  using FailedAt = MailHealth::FailedAt;
  using Busy = std::set<std::string>;  // configs with such an attempt under way

  // A batch or a login to try now.
  struct Turn {
    std::string config;
    BatchId batch = 0;          // 0: the login alone
    std::uint64_t version = 0;  // of the settings, see MailHealth
  };
  struct Attempt {
    Turn turn;
    Target target;
    std::vector<core::Notice> notices;
    std::vector<std::string> envelope;  // the recipients that still need the mail
  };

  // Whether a notice about this token is pending, or delivered and not in its ledger.
  bool knows(const std::string& uid) const;
  // True: the notice is new. Its Event is to be written with the tag that event_tag() returns.
  bool submit(const core::Notice& notice, const core::ConfigRoute& route, Now now);
  std::optional<std::uint64_t> event_tag(const core::NoticeKey& key) const;
  // The Event was written `at`, or dropped. Unknown tags are ignored.
  void event_finished(std::uint64_t tag, std::optional<WallTime> at);
  // Tags of Events that are not to be written any more, since the last call.
  std::set<std::uint64_t> take_canceled_events() { return std::exchange(canceled_events_, {}); }

  void cancel_notices(const std::string& uid);
  // Keeps a pending notice of the expiry itself. It enters no ledger when it is delivered.
  void token_deleted(const std::string& uid);
  void remove_config(const std::string& config);

  // Mail settings or a Secret changed: tries pending mail at once. A mail whose attempt is under
  // way is tried again as soon as that attempt fails.
  void retry_now(const std::string& config, SteadyTime now);
  // The login is to be tried, unless a mail is due anyway.
  void request_login(const std::string& config, SteadyTime now);

  // The batch to try now, the one that waited longest first; not of a `busy` config.
  std::optional<Turn> next_batch(SteadyTime now, const Busy& busy = {}) const;
  // Freezes the batch. Empty: it was cancelled.
  std::optional<Attempt> begin_attempt(const Turn& turn);
  // The whole attempt failed; Canceled errors count as no attempt.
  void attempt_failed(const Turn& turn, const Error& error, FailedAt where, Now now);
  void attempt_finished(const Turn& turn, const SendResult& result, Now now);

  std::optional<Turn> next_login(SteadyTime now, const Busy& busy = {}) const;
  void login_worked(const Turn& turn);
  void login_failed(const Turn& turn, const Error& error, FailedAt where, Now now);

  // When a batch or a login is due next; SteadyTime::max(): never.
  SteadyTime next_due(const Busy& mailing = {}, const Busy& logging_in = {}) const;

  // Delivered since the last call. They stay in delivered() until they are removed.
  std::vector<DeliveredNotice> take_delivered() { return std::exchange(newly_delivered_, {}); }
  std::vector<DeliveredNotice> delivered(const std::string& uid) const;
  void remove_delivered(const std::string& uid, const std::vector<core::NoticeKey>& keys);

  DeliveryReport report(const std::string& config) const;
  // Configs whose report changed since the last call.
  std::set<std::string> take_changed_configs() { return std::exchange(changed_, {}); }
  std::optional<WallTime> oldest_pending() const;

 private:
  struct Pending {
    core::Notice notice;
    WallTime since{};
    std::vector<Delivery> deliveries;  // at most one for each channel
    std::optional<WallTime> event_at;
    std::optional<WallTime> sent_at;
    bool is_token_deleted = false;
  };
  struct Batch {
    Target target;
    std::map<core::NoticeKey, core::Notice> notices;
    SteadyTime due{};
    bool is_frozen = false;
    bool is_counted = false;           // its notices count as sent; it goes on for late recipients
    std::optional<WallTime> accepted;  // when the first recipient was accepted
    std::vector<std::string>
        remaining;             // recipients that need it; those refused for now stand last
    std::size_t limit = 0;     // recipients of one mail, after a refusal of a mail to many; 0: all
    std::size_t asked = 0;     // recipients of the attempt under way
    std::size_t unasked = 0;   // of `remaining`: not asked yet in this round
    std::uint32_t rounds = 0;  // in which recipients were refused, in a row
  };
  struct ConfigState {
    MailHealth health;
    std::multiset<WallTime> pending_since;           // one for each pending notice
    std::set<std::pair<SteadyTime, BatchId>> queue;  // batches with recipients, by their due time
  };
  using PendingMap = std::map<core::NoticeKey, Pending>;

  // Gives the notice the deliveries that `route` asks for. `due`: when a new batch is mailed.
  void follow_route(Pending& pending, const core::ConfigRoute& route, SteadyTime due);
  Delivery open_delivery(const Target& target, const core::Notice& notice, SteadyTime due);
  void leave_batch(const Delivery& delivery, const core::NoticeKey& key);
  void schedule(BatchId id, Batch& batch, SteadyTime due);
  void close_batch(BatchId id);
  void cancel_older(const core::NoticeKey& key);
  void cancel_of_token(const std::string& uid, bool keep_expiry);
  PendingMap::iterator cancel(PendingMap::iterator position);
  // Moves a notice without open deliveries from pending to delivered.
  void complete(PendingMap::iterator position);
  void erase_pending(PendingMap::iterator position);
  void finish_round(const Turn& turn, Batch& batch, const SendResult& result, Now now);
  void record_result(Batch& batch, const SendResult& result, WallTime now);
  void count_as_sent(BatchId id, Batch& batch);
  ConfigState* find_config(const std::string& config);

  PendingMap pending_;
  std::map<std::uint64_t, core::NoticeKey> event_tags_;  // of Events that are not written yet
  std::map<BatchId, Batch> batches_;
  std::map<Target, BatchId> collecting_;  // batches that are not frozen
  std::set<BatchId> late_;                // batches that are counted, for late recipients alone
  std::map<core::NoticeKey, DeliveredNotice> delivered_;
  std::map<std::string, ConfigState> configs_;
  std::vector<DeliveredNotice> newly_delivered_;
  std::set<std::string> changed_;
  std::set<std::uint64_t> canceled_events_;
  std::uint64_t last_id_ = 0;
};

}  // namespace apitoken::notify
