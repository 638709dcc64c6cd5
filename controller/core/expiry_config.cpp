// Reading a TokenExpiryConfig.
#include "core/expiry_config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/duration.hpp"
#include "core/selector.hpp"

namespace apitoken::core {
namespace {

using api::TokenExpiryConfigSpec;

constexpr std::size_t kMostReminders = 8;

void read_reminders(const TokenExpiryConfigSpec& spec, ExpiryConfig& config) {
  if (spec.warn_before_days && !spec.reminders.empty()) {
    config.problems.emplace_back("spec.warnBeforeDays and spec.reminders contradict each other; keep one of them");
  }
  for (const std::string& written : spec.reminders) {
    const auto reminder = parse_duration(written);
    if (config.reminders.size() == kMostReminders) {
      config.problems.push_back(
          fmt::format("spec.reminders: has more than {}; only the first {} count", kMostReminders, kMostReminders));
      break;
    }
    if (!reminder || *reminder <= Seconds(0)) {
      config.problems.push_back(
          fmt::format("spec.reminders: \"{}\" is no positive duration; write one like 168h", written));
    } else if (!config.reminders.empty() && *reminder >= config.reminders.back()) {
      config.problems.push_back(
          fmt::format("spec.reminders: {} does not come before {}; order them from longest to shortest", written,
                      format_duration(config.reminders.back())));
    } else {
      config.reminders.push_back(*reminder);
    }
  }
  if (spec.warn_before_days && config.reminders.empty()) {
    if (*spec.warn_before_days >= 1 && *spec.warn_before_days <= 3650) {
      config.reminders.emplace_back(std::chrono::hours(24 * *spec.warn_before_days));
    } else {
      config.problems.push_back(fmt::format("spec.warnBeforeDays: {} is outside 1 to 3650", *spec.warn_before_days));
    }
  }
  if (config.reminders.empty()) config.reminders.push_back(kDefaultReminder);
}

Lifetime read_lifetime(const api::LifetimeSpec& spec, TokenType type, ExpiryConfig& config) {
  const std::string path = type == TokenType::Temporary ? "spec.lifetimes.temporary" : "spec.lifetimes.permanent";
  const auto read = [&](const std::optional<std::string>& written, const char* field) -> std::optional<Seconds> {
    if (!written) return {};
    const auto ttl = parse_duration(*written);
    if (ttl && *ttl >= kShortestTtl && *ttl <= longest_ttl(type)) return ttl;
    config.problems.push_back(fmt::format("{}.{}: \"{}\" is no duration from 10s to {}h", path, field, *written,
                                          longest_ttl(type).count() / 3600));
    return {};
  };
  Lifetime lifetime{read(spec.default_ttl, "default"), read(spec.max, "max")};
  if (lifetime.default_ttl && lifetime.max && *lifetime.default_ttl > *lifetime.max) {
    config.problems.push_back(
        fmt::format("{}.default: {} is above max {}; lower it", path, *spec.default_ttl, *spec.max));
  }
  return lifetime;
}

void read_selectors(const TokenExpiryConfigSpec& spec, ExpiryConfig& config) {
  const auto check = [&](const std::optional<api::LabelSelector>& selector, const char* path) {
    if (!selector) return;
    for (auto& problem : check_selector(*selector, path)) config.problems.push_back(std::move(problem));
  };
  check(spec.namespace_selector, "spec.namespaceSelector");
  check(spec.token_selector, "spec.tokenSelector");
  config.namespace_selector = spec.namespace_selector;
  config.token_selector = spec.token_selector;
}

void read_digest(const TokenExpiryConfigSpec& spec, ExpiryConfig& config) {
  config.route.digest = kDefaultDigest;
  if (!spec.digest) return;
  const auto digest = parse_duration(*spec.digest);
  if (digest && *digest <= std::chrono::hours(24)) {
    config.route.digest = *digest;
  } else {
    config.problems.push_back(fmt::format("spec.digest: \"{}\" is no duration from 0s to 24h", *spec.digest));
  }
}

void read_smtp(const api::SmtpSpec& spec, ExpiryConfig& config) {
  SmtpSettings smtp;
  const std::size_t problems_before = config.problems.size();
  if (auto server = parse_server(spec.server)) {
    smtp.server = std::move(*server);
  } else {
    config.problems.push_back("spec.smtp.server: " + server.error().message);
  }
  if (const auto tls = parse_tls_mode(spec.tls.value_or("StartTLS"))) {
    smtp.tls = *tls;
  } else {
    config.problems.push_back(
        fmt::format("spec.smtp.tls: \"{}\" does not exist; use StartTLS, Implicit or None", *spec.tls));
  }
  if (auto from = parse_mailbox(spec.from)) {
    smtp.from = std::move(*from);
  } else {
    config.problems.push_back("spec.smtp.from: " + from.error().message);
  }
  if (smtp.tls == TlsMode::None && !smtp.server.host.empty() && !may_go_without_tls(smtp.server.host)) {
    config.problems.push_back(
        fmt::format("spec.smtp.tls: None is allowed only towards loopback, private or in-cluster addresses, "
                    "and {} is none; use StartTLS or Implicit",
                    smtp.server.host));
  }
  smtp.credentials_secret = spec.credentials_secret;
  smtp.ca_secret = spec.ca_secret;
  if (config.problems.size() == problems_before) config.smtp = std::move(smtp);
}

}  // namespace

ExpiryConfig read_config(const api::TokenExpiryConfig& object) {
  const TokenExpiryConfigSpec& spec = object.spec;
  ExpiryConfig config;
  config.name = object.meta.name;
  config.problems = spec.problems;
  read_reminders(spec, config);
  read_selectors(spec, config);
  config.permanent = read_lifetime(spec.permanent, TokenType::Permanent, config);
  config.temporary = read_lifetime(spec.temporary, TokenType::Temporary, config);
  read_digest(spec, config);
  AddressList list = parse_address_list(spec.emails);
  config.bad_addresses = std::move(list.problems);
  config.route.config = config.name;
  config.route.list_given = !list.addresses.empty() || !config.bad_addresses.empty();
  config.route.recipients = std::move(list.addresses);
  config.route.email_token_user = spec.email_token_user;
  if (spec.smtp) read_smtp(*spec.smtp, config);
  // Unusable smtp settings mail too: their notices wait until the settings are mended.
  config.route.mails = spec.smtp.has_value() && (config.route.list_given || spec.email_token_user);
  return config;
}

bool applies(const ExpiryConfig& config, const api::StringMap& token_labels, const api::StringMap& namespace_labels) {
  return (!config.namespace_selector || matches(*config.namespace_selector, namespace_labels)) &&
         (!config.token_selector || matches(*config.token_selector, token_labels));
}

const ExpiryConfig& built_in_config() {
  static const ExpiryConfig config = [] {
    ExpiryConfig built_in;
    built_in.reminders = {kDefaultReminder};
    return built_in;
  }();
  return config;
}

}  // namespace apitoken::core
