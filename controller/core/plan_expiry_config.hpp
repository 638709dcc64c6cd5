// What the status of one TokenExpiryConfig shall say, and the Events when it cannot work or its
// mail fails. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/event.hpp"
#include "core/expiry_config.hpp"

namespace apitoken::core {

// How the config's mail fares, as the dispatcher knows it: since the start, not longer.
struct ObservedDelivery {
  std::int64_t pending_notices = 0;
  std::optional<WallTime> last_success;
  std::string last_error;             // empty: none since the last success
  bool secret_missing = false;        // last_error: a Secret or a key of it is not there
  bool settings_wrong = false;        // last_error: the settings and the Secret do not fit together
  bool login_works = false;           // server and login were tried, without a mail, and work
  std::vector<std::string> refusals;  // "bob@example.com: 550 no such user"
};

// Users whose tokens the config matches and who can get no mail of their own.
struct ObservedSkipped {
  std::int64_t count = 0;
  std::vector<std::string> names;  // those that look like an address first
};

struct ObservedConfig {
  WallTime now{};
  const api::TokenExpiryConfig& object;
  const ExpiryConfig& config;
  std::int64_t matched_tokens = 0;
  std::int64_t expiring_tokens = 0;
  std::vector<std::string>
      missing_secrets;  // of those that spec.smtp names, in the operator's namespace
  std::string operator_namespace;
  ObservedDelivery delivery;
  ObservedSkipped skipped;
  std::optional<api::TestMail> test_mail;  // the dispatcher's latest answer
};

// A test mail to be sent.
struct PlannedTestMail {
  std::string requested_at;
  std::vector<std::string> recipients;
  Seconds delay{};

  bool operator==(const PlannedTestMail&) const = default;
};

struct ConfigPlan {
  std::optional<api::TokenExpiryConfigStatus> status;  // to be patched; nothing: it is true already
  std::vector<api::Event> events;
  std::optional<PlannedTestMail> test_mail;
};

ConfigPlan plan_expiry_config(const ObservedConfig& observed);

}  // namespace apitoken::core
