// A TokenExpiryConfig with every field parsed and checked, so that the plans of tokens, the mail
// and the config's own status use the same values. A field with a fault is listed in `problems`;
// all other fields keep working. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/token_expiry_config.hpp"
#include "core/addresses.hpp"
#include "core/lifetimes.hpp"
#include "core/notices.hpp"

namespace apitoken::core {

inline constexpr Seconds kDefaultReminder{std::chrono::hours(24 * 30)};
inline constexpr Seconds kDefaultDigestDelay{std::chrono::minutes(5)};

struct SmtpSettings {
  ServerAddress server;
  TlsMode tls = TlsMode::StartTls;
  Mailbox from;
  std::string credentials_secret;
  std::string ca_secret;
  std::string helo;                // the name in EHLO
  std::optional<AuthMethod> auth;  // absent: PLAIN or LOGIN, as the server offers

  bool operator==(const SmtpSettings&) const = default;
};

struct ExpiryConfig {
  std::string name;
  std::optional<api::LabelSelector> namespace_selector;
  std::optional<api::LabelSelector> token_selector;
  std::vector<Seconds> reminders;  // descending, never empty; the expiry itself is not listed
  Lifetime permanent;
  Lifetime temporary;
  ConfigRoute route;
  bool asks_for_mail = false;              // spec.emails or spec.emailTokenUser is set
  bool smtp_given = false;                 // spec.smtp is set, usable or not
  std::optional<SmtpSettings> smtp;        // absent: not set, or unusable (a problem says why)
  std::vector<std::string> bad_addresses;  // reason InvalidAddress
  std::vector<std::string> problems;       // reason InvalidSpec

  const Lifetime& lifetime(TokenType type) const {
    return type == TokenType::Temporary ? temporary : permanent;
  }
};

ExpiryConfig read_config(const api::TokenExpiryConfig& config);

// The config applies to a token with these labels, in a namespace with these labels.
bool applies(const ExpiryConfig& config, const api::StringMap& token_labels,
             const api::StringMap& namespace_labels);

// The config in force if no TokenExpiryConfig applies: a reminder 30 days before expiry, no mail.
const ExpiryConfig& built_in_config();

}  // namespace apitoken::core
