// MailHealth: how the mail server of one TokenExpiryConfig fares: pauses between attempts, the last
// error, refused recipients, the check of the login. Plain values; the outbox keeps one for each
// config. No I/O, no lock; time is an argument.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/backoff.hpp"
#include "base/result.hpp"
#include "notify/mail_channel.hpp"

namespace apitoken::notify {

// Between attempts on one server, and between attempts with a batch that was refused.
inline constexpr Backoff kMailRetry{std::chrono::seconds(30), std::chrono::hours(1)};

struct Now {
  WallTime wall;
  SteadyTime steady;
};

// What the EmailDelivery condition of a TokenExpiryConfig is made of.
struct DeliveryReport {
  std::int64_t pending_notices = 0;        // with at least one open delivery
  std::optional<WallTime> oldest_pending;  // since when the oldest of them waits
  std::optional<WallTime> last_success;    // a server accepted a mail
  std::string last_error;                  // empty: the last attempt succeeded, or none was made
  std::optional<ErrorKind> error_kind;     // NotFound: a Secret is missing
  std::optional<WallTime> failing_since;
  bool settings_failed = false;  // last_error is about the settings: no server was asked
  bool login_works = false;      // the last attempt of all was a login without mail, and it worked
  std::vector<Refusal> refused;  // recipients refused at the last attempt, at most 20

  bool operator==(const DeliveryReport&) const = default;
};

class MailHealth {
 public:
  enum class FailedAt { Settings, Server };

  // No mail is tried before this.
  SteadyTime paused_until() const { return paused_until_; }
  // Counts settings_changed(). An attempt that began with an older version says nothing about the
  // present settings, so its failure pauses nothing.
  std::uint64_t version() const { return version_; }
  void settings_changed(SteadyTime now);

  // An attempt with settings of `version` failed as a whole.
  void attempt_failed(const Error& error, FailedAt where, std::uint64_t version, Now now);
  // A server answered for each recipient.
  void server_answered();
  void mail_accepted(WallTime now);
  // No recipient of a mail was accepted; `first` is one of the refusals.
  void mail_refused(const Refusal& first, WallTime now);
  void recipient_refused(const Refusal& refusal);
  void recipient_settled(const std::string& address) { refused_.erase(address); }

  void request_login(SteadyTime now) { login_due_ = now; }
  // A mail is being tried, which shows as much as a login.
  void cancel_login() { login_due_.reset(); }
  std::optional<SteadyTime> login_due() const { return login_due_; }
  // `mail_failed`: a mail of this config failed before; its next attempt decides, not the login.
  void login_worked(bool mail_failed, std::uint64_t version);
  void login_failed(const Error& error, FailedAt where, std::uint64_t version, Now now);

  // All but the fields about pending notices.
  DeliveryReport report() const;

 private:
  void set_error(std::string text, ErrorKind kind, WallTime now);
  void clear_error();

  std::uint64_t version_ = 0;
  SteadyTime paused_until_{};
  std::uint32_t failures_ = 0;  // of whole attempts, in a row
  std::optional<SteadyTime> login_due_;
  std::optional<WallTime> last_success_;
  std::string last_error_;
  std::optional<ErrorKind> error_kind_;
  std::optional<WallTime> failing_since_;
  bool settings_failed_ = false;
  bool login_works_ = false;
  std::map<std::string, Refusal> refused_;  // by address
};

}  // namespace apitoken::notify
