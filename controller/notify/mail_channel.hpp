// MailChannel: sends one mail to one SMTP server and returns its answer for each recipient. The
// dispatcher calls it on its mail threads; tests use a scripted one. It never retries.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/secret_string.hpp"
#include "core/addresses.hpp"

namespace apitoken::notify {

// How to reach the mail server of one TokenExpiryConfig.
struct MailSettings {
  core::ServerAddress server;
  core::TlsMode tls = core::TlsMode::StartTls;
  core::Mailbox from;
  std::string username;  // empty: no AUTH
  SecretString password;
  std::string ca;                        // PEM; empty: the system's CAs
  std::string helo;                      // the name in EHLO; empty: the machine's name
  std::optional<core::AuthMethod> auth;  // absent: PLAIN or LOGIN
};

struct Mail {
  std::string from;                     // envelope sender, an addr-spec
  std::vector<std::string> recipients;  // envelope recipients, addr-specs; at least one
  std::string message;                  // RFC 5322, lines ended by CRLF
  std::chrono::milliseconds within{
      0};  // the whole attempt; zero: as long as each phase of SMTP may take
};

// The server's reply about a recipient that it refused.
struct Refusal {
  std::string address;
  int code = 0;
  std::string text;        // "550 5.1.1 no such user", printable and cut
  bool permanent = false;  // 5xx

  bool operator==(const Refusal&) const = default;
};

struct SendResult {
  std::vector<std::string> accepted;
  std::vector<Refusal> refused;
  // The server accepted recipients and then refused the mail for good: one of them, or their
  // number, may be the reason. Nothing was sent, and `accepted` is empty. Its address is empty.
  std::optional<Refusal> mail_refused{};
};

class MailChannel {
 public:
  virtual ~MailChannel() = default;
  // Offers `mail` once. The result has every recipient; if none was accepted, nothing was sent.
  // Errors, for all recipients alike: Unavailable (no connection, time-out, 4xx: may pass by
  // itself), Unauthorized (AUTH refused), Invalid (certificate not trusted, sender refused:
  // somebody must change something), Canceled. None of them carries the password. Several threads
  // may send at once.
  virtual Result<SendResult> send(const MailSettings& settings, const Mail& mail,
                                  std::stop_token stop) = 0;
  // Connects, sets up TLS and logs in, without sending a mail. Errors: as send().
  virtual Status try_login(const MailSettings& settings, std::chrono::milliseconds within,
                           std::stop_token stop) = 0;
  // No mail is due now: closes connections that are kept open between mails.
  virtual void rest() = 0;
};

}  // namespace apitoken::notify
