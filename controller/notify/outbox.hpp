// Outbox: which notices wait for what: their Event, the mails that apply, a retry. The dispatcher's
// memory; values in, values out, time as an argument; no I/O, no lock (the dispatcher holds one),
// no thread of its own.
//
// A notice with mail joins the batch of its config and recipients. A batch collects for the
// config's digest, freezes at its first attempt, and is tried until the server took it. Retries of
// a server that fails are per config; of recipients that are refused for the moment, per batch.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/backoff.hpp"
#include "core/notices.hpp"
#include "notify/mail_channel.hpp"

namespace apitoken::notify {

// A notice whose deliveries are all complete.
struct DeliveredNotice {
  api::ObjectKey token;
  core::NoticeKey key;
  std::optional<WallTime>
      event_at;  // absent: a Normal Event that was dropped, or the namespace is going
  std::optional<WallTime> sent_at;  // absent: no mail applied

  bool operator==(const DeliveredNotice&) const = default;
};

// How mail of one TokenExpiryConfig fares; what its EmailDelivery condition is made of.
struct DeliveryReport {
  std::int64_t pending_notices = 0;        // not told yet, for whatever reason
  std::optional<WallTime> oldest_pending;  // since when the longest waiting one waits
  std::optional<WallTime> last_success;    // a server took a mail
  std::string last_error;                  // empty: the last attempt succeeded, or none was made
  std::optional<ErrorKind> error_kind;     // NotFound: a Secret is missing
  std::optional<WallTime> failing_since;
  bool settings_failed =
      false;  // last_error: no attempt could be made, since the settings cannot be used
  bool login_works = false;      // the last attempt of all was a login without mail, and it worked
  std::vector<Refusal> refused;  // recipients refused at the last attempt, at most 20

  bool operator==(const DeliveryReport&) const = default;
};

class Outbox {
 public:
  using BatchId = std::uint64_t;
  using Busy = std::set<std::string>;  // configs with such an attempt under way
  struct Now {
    WallTime wall;
    SteadyTime steady;
  };
  struct Attempt {
    BatchId batch = 0;
    std::string config;
    std::vector<core::Notice> notices;
    std::vector<std::string> recipients;  // of the batch: they stand in To
    std::vector<std::string> envelope;    // those who are to get it now
    bool to_user = false;                 // a token's user: the description stays out
  };

  // True if the notice is new: its Event is to be written, tagged with what event_tag() says.
  bool submit(const core::Notice& notice, const core::ConfigRoute& route, Now now);
  std::optional<std::uint64_t> event_tag(const core::NoticeKey& key) const;
  void event_done(std::uint64_t tag, std::optional<WallTime> at);

  // Each returns the tags of Events that nobody waits for any more.
  std::set<std::uint64_t> cancel_notices(const std::string& uid);
  // But for what tells that it had expired; that ends here, for there is no ledger any more.
  std::set<std::uint64_t> token_deleted(const std::string& uid);
  std::set<std::uint64_t> remove_config(const std::string& config);
  std::set<std::uint64_t> take_superseded();

  // Mail settings or a Secret changed: what waits for a retry is tried at once, and an attempt
  // under way that fails is tried again at once, since it may have begun with the previous
  // settings.
  void retry_now(const std::string& config, SteadyTime now);

  // Mail settings or a Secret changed: the login is to be tried, unless a mail is due anyway.
  void request_login(const std::string& config, SteadyTime now);

  // A batch that is to be tried now, with its config; nothing where none is. Not one of the `busy`
  // configs.
  std::optional<std::pair<BatchId, std::string>> next_batch(SteadyTime now, const Busy& busy = {});
  // Freezes it. Nothing if it went meanwhile.
  std::optional<Attempt> begin(BatchId batch);
  // The whole attempt failed. `settings`: before begin(), since the settings cannot be used.
  void failed(BatchId batch, const std::string& config, const Error& error, Now now,
              bool settings = false);
  void finished(BatchId batch, const SendResult& result, Now now);
  // A config whose login is to be tried now; what came of it.
  std::optional<std::string> next_login(SteadyTime now, const Busy& busy);
  void login_worked(const std::string& config);
  void login_failed(const std::string& config, const Error& error, Now now, bool settings);
  // When either is due next, SteadyTime::max() if never.
  SteadyTime next_due(const Busy& mailing = {}, const Busy& logging_in = {}) const;

  // Delivered since the last call. They stay in delivered() until they are removed.
  std::vector<DeliveredNotice> take_delivered();
  std::vector<DeliveredNotice> delivered(const std::string& uid) const;
  void remove_delivered(const std::string& uid, const std::vector<core::NoticeKey>& keys);

  DeliveryReport report(const std::string& config) const;
  std::set<std::string> take_changed_configs();
  std::optional<WallTime> oldest_pending() const;

 private:
  struct Leg {  // one mail that applies to a notice
    BatchId batch = 0;
    bool wanted = false;
    bool done = false;
  };
  struct Pending {
    core::Notice notice;
    std::uint64_t tag = 0;
    WallTime since{};
    bool event_done = false;
    std::optional<WallTime> event_at;
    Leg list;
    Leg user;
    std::optional<WallTime> sent_at;
    bool orphaned = false;  // its token is gone
  };
  struct Address {  // what makes two notices share a mail
    std::string config;
    bool to_user = false;
    std::vector<std::string> recipients;

    auto operator<=>(const Address&) const = default;
  };
  struct Batch {
    Address to;
    std::map<core::NoticeKey, core::Notice> notices;
    SteadyTime due{};
    bool frozen = false;
    bool counted = false;  // its notices count as sent; what remains are late recipients of a copy
    std::optional<WallTime> accepted;  // when the first recipient was
    std::vector<std::string>
        remaining;  // who still needs it; those refused for the moment stand last
    std::size_t limit =
        0;  // recipients of one mail; 0: all. Set where the server refuses a mail to many
    std::size_t unasked = 0;  // of `remaining`, those whose turn has not come since the last pause
    std::size_t asked = 0;    // recipients of the attempt under way
    std::uint32_t tries = 0;  // with refusals, in a row
    std::uint32_t failures = 0;  // attempts that failed as a whole
  };
  struct ConfigState {
    SteadyTime paused_until{};
    bool retry_asked = false;  // since the last attempt was handed out
    std::uint32_t failures = 0;
    std::int64_t pending = 0;
    std::optional<WallTime> last_success;
    std::string last_error;
    std::optional<ErrorKind> error_kind;
    std::optional<WallTime> failing_since;
    bool settings_failed = false;
    bool login_works = false;
    std::optional<SteadyTime> login_due;
    std::map<std::string, Refusal> refused;
  };
  using PendingMap = std::map<core::NoticeKey, Pending>;

  void route_leg(Leg& leg, const core::Notice& notice, const std::optional<Address>& to,
                 SteadyTime due);
  void leave_batch(Leg& leg, const core::NoticeKey& key);
  void close_batch(BatchId id);
  bool is_frozen(const Pending& pending) const;
  void supersede_older(const core::NoticeKey& key);
  std::set<std::uint64_t> drop_notices(const std::string& uid, bool but_expiry);
  PendingMap::iterator discard(PendingMap::iterator position, std::set<std::uint64_t>& tags);
  void settle(PendingMap::iterator position);
  void count_sent(BatchId id, Batch& batch);
  void settle_batch(BatchId id, Batch& batch, const SendResult& result, Now now);
  void record_result(Batch& batch, const SendResult& result, WallTime now);
  void note_failure(ConfigState& state, const Error& error, Now now, bool settings);
  void note_error(ConfigState& state, std::string text, ErrorKind kind, WallTime now);
  static void clear_error(ConfigState& state);
  bool was_tried(const std::string& config) const;
  SteadyTime due_of(const Batch& batch) const;
  static SteadyTime retry_at(ConfigState& state, SteadyTime now, std::uint32_t failures);

  PendingMap pending_;
  std::map<std::uint64_t, core::NoticeKey> tags_;  // of Events not written yet
  std::map<BatchId, Batch> batches_;
  std::map<Address, BatchId> open_;  // batches that still collect
  std::map<core::NoticeKey, DeliveredNotice> delivered_;
  std::map<std::string, ConfigState> configs_;
  std::vector<DeliveredNotice> newly_delivered_;
  std::set<std::string> changed_;
  std::set<std::uint64_t> superseded_;
  std::uint64_t last_id_ = 0;
};

}  // namespace apitoken::notify
