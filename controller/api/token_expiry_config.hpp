// The TokenExpiryConfig resource as the operator reads it, and the status as the operator writes
// it. Spec fields keep the user's text; core/expiry_config checks them. Values.
#pragma once

#include "api/meta.hpp"

namespace apitoken::api {

struct LifetimeSpec {
  std::optional<std::string> default_ttl;  // Go durations
  std::optional<std::string> max;

  bool operator==(const LifetimeSpec&) const = default;
};

struct SmtpSpec {
  std::string server;              // host:port
  std::optional<std::string> tls;  // StartTLS (absent), Implicit or None
  std::string from;
  std::string credentials_secret;   // empty: no login
  std::string ca_secret;            // empty: the system's CAs
  std::optional<std::string> helo;  // absent: the domain of `from`
  std::optional<std::string> auth;  // PLAIN, LOGIN or CRAM-MD5; absent: PLAIN or LOGIN

  bool operator==(const SmtpSpec&) const = default;
};

struct TokenExpiryConfigSpec {
  std::optional<std::int64_t> warn_before_days;
  std::vector<std::string> reminders;  // Go durations
  std::string emails;                  // addresses, separated by semicolons
  bool email_token_user = false;
  std::optional<std::vector<std::string>> email_domains;  // absent: the domain of smtp.from
  std::string email_user_prefix;
  std::optional<LabelSelector> namespace_selector;
  std::optional<LabelSelector> token_selector;
  LifetimeSpec permanent;
  LifetimeSpec temporary;
  std::optional<std::string> digest;  // Go duration; absent: 5m
  std::optional<SmtpSpec> smtp;
  Problems problems;

  bool operator==(const TokenExpiryConfigSpec&) const = default;
};

// Token users who get no mail of their own although spec.emailTokenUser is set: their names are not
// addresses in spec.emailDomains.
struct SkippedUsers {
  std::int64_t count = 0;
  std::vector<std::string> names;  // some of them, for people

  bool operator==(const SkippedUsers&) const = default;
};

// The result of the last test mail.
struct TestMail {
  std::string requested_at;  // the annotation's value
  std::optional<WallTime> at;
  std::int64_t accepted = 0;  // recipients that the mail server accepted
  struct Refused {
    std::string address;
    std::string reason;  // the mail server's reply

    bool operator==(const Refused&) const = default;
  };
  std::vector<Refused> refused;
  std::string error;  // empty: the mail server accepted at least one recipient

  bool operator==(const TestMail&) const = default;
};

struct TokenExpiryConfigStatus {
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;
  std::int64_t matched_tokens = 0;
  std::int64_t expiring_tokens = 0;
  std::optional<WallTime> last_email_time;
  std::int64_t pending_notices = 0;
  std::optional<SkippedUsers> skipped_users;
  std::optional<TestMail> test_mail;

  bool operator==(const TokenExpiryConfigStatus&) const = default;
};

struct TokenExpiryConfig {
  ObjectMeta meta;
  TokenExpiryConfigSpec spec;
  TokenExpiryConfigStatus status;

  bool operator==(const TokenExpiryConfig&) const = default;
};

// Errors: Decode if the metadata cannot be read. All other faults go into spec.problems.
Result<TokenExpiryConfig> decode_token_expiry_config(Json object);
// The merge patch for the status subresource. uid and resourceVersion are preconditions.
std::string encode_status_patch(const ObjectMeta& meta, const TokenExpiryConfigStatus& status);

}  // namespace apitoken::api
