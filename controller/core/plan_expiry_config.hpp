// plan_expiry_config: the status of one TokenExpiryConfig, its Events, and a requested test mail.
// reconcile/config_worker calls it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/event.hpp"
#include "core/expiry_config.hpp"

namespace apitoken::core {

// The state of the config's mail since this process started, from the dispatcher.
struct ObservedDelivery {
  std::int64_t pending_notices = 0;
  std::optional<WallTime> last_success;
  std::string last_error;             // empty: none since the last success
  bool secret_missing = false;        // last_error: a Secret or a key of it is missing
  bool settings_wrong = false;        // last_error: the settings contradict the Secret
  bool login_works = false;           // a login without a mail succeeded
  std::vector<std::string> refusals;  // "bob@example.com: 550 no such user"
};

// Token users who get no mail of their own although spec.emailTokenUser is set.
struct ObservedSkipped {
  std::int64_t count = 0;
  std::vector<std::string> names;  // some of them, those that look like an address first
};

struct ObservedConfig {
  WallTime now{};
  const api::TokenExpiryConfig& object;
  const ExpiryConfig& config;
  std::int64_t matched_tokens = 0;
  std::int64_t expiring_tokens = 0;
  std::vector<std::string> missing_secrets;  // named by spec.smtp, in the operator's namespace
  std::string operator_namespace;
  ObservedDelivery delivery;
  ObservedSkipped skipped;
  std::optional<api::TestMail> test_mail;  // the dispatcher's latest answer
  // Describes this operator while a second operator writes the same config's status; else empty.
  std::string writer;
};

// A test mail to send after `delay`.
struct PlannedTestMail {
  std::string requested_at;
  std::vector<std::string> recipients;
  Seconds delay{};

  bool operator==(const PlannedTestMail&) const = default;
};

struct ConfigPlan {
  std::optional<api::TokenExpiryConfigStatus> status;  // the status to write; absent: no change
  std::vector<api::Event> events;
  std::optional<PlannedTestMail> test_mail;
};

ConfigPlan plan_expiry_config(const ObservedConfig& observed);

// How long the next test mail waits after `last`, because at most one goes out a minute. An answer
// about a mail that never went out delays nothing: people who mend the settings try again at once.
Seconds test_mail_delay(const std::optional<api::TestMail>& last, WallTime now);

}  // namespace apitoken::core
