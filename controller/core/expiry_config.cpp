// Reads and checks a TokenExpiryConfig.
#include "core/expiry_config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/duration.hpp"
#include "core/dns_name.hpp"
#include "core/plain_text.hpp"
#include "core/selector.hpp"

namespace apitoken::core {
namespace {

using api::TokenExpiryConfigSpec;

constexpr std::size_t kMaxReminders = 8;
constexpr std::size_t kMaxEmailDomains = 32;
constexpr std::size_t kMaxUserPrefix = 128;

void read_reminders(const TokenExpiryConfigSpec& spec, ExpiryConfig& config) {
  if (spec.warn_before_days && !spec.reminders.empty()) {
    config.problems.emplace_back(
        "spec.warnBeforeDays and spec.reminders contradict each other; keep one of them");
  }
  for (const std::string& written : spec.reminders) {
    const auto reminder = parse_duration(written);
    if (config.reminders.size() == kMaxReminders) {
      config.problems.push_back(
          fmt::format("spec.reminders: has more than {}; only the first {} count", kMaxReminders,
                      kMaxReminders));
      break;
    }
    if (!reminder || *reminder <= Seconds(0)) {
      config.problems.push_back(fmt::format(
          "spec.reminders: \"{}\" is not a positive duration; write one like 168h", written));
    } else if (!config.reminders.empty() && *reminder >= config.reminders.back()) {
      config.problems.push_back(fmt::format(
          "spec.reminders: {} does not come before {}; order them from longest to shortest",
          written, format_duration(config.reminders.back())));
    } else {
      config.reminders.push_back(*reminder);
    }
  }
  if (spec.warn_before_days && config.reminders.empty()) {
    if (*spec.warn_before_days >= 1 && *spec.warn_before_days <= 3650) {
      config.reminders.emplace_back(std::chrono::hours(24 * *spec.warn_before_days));
    } else {
      config.problems.push_back(
          fmt::format("spec.warnBeforeDays: {} is outside 1 to 3650", *spec.warn_before_days));
    }
  }
  if (config.reminders.empty()) config.reminders.push_back(kDefaultReminder);
}

Lifetime read_lifetime(const api::LifetimeSpec& spec, TokenType type, ExpiryConfig& config) {
  const std::string path =
      type == TokenType::Temporary ? "spec.lifetimes.temporary" : "spec.lifetimes.permanent";
  const auto read = [&](const std::optional<std::string>& written,
                        const char* field) -> std::optional<Seconds> {
    if (!written) return {};
    const auto ttl = parse_duration(*written);
    if (ttl && *ttl >= kMinTtl && *ttl <= max_ttl(type)) return ttl;
    config.problems.push_back(fmt::format("{}.{}: \"{}\" is not a duration from 10s to {}h", path,
                                          field, *written, max_ttl(type).count() / 3600));
    return {};
  };
  Lifetime lifetime{read(spec.default_ttl, "default"), read(spec.max, "max")};
  if (lifetime.default_ttl && lifetime.max && *lifetime.default_ttl > *lifetime.max) {
    config.problems.push_back(fmt::format("{}.default: {} is above max {}; lower it", path,
                                          *spec.default_ttl, *spec.max));
  }
  return lifetime;
}

void read_selectors(const TokenExpiryConfigSpec& spec, ExpiryConfig& config) {
  const auto check = [&](const std::optional<api::LabelSelector>& selector, const char* path) {
    if (!selector) return;
    for (auto& problem : check_selector(*selector, path))
      config.problems.push_back(std::move(problem));
  };
  check(spec.namespace_selector, "spec.namespaceSelector");
  check(spec.token_selector, "spec.tokenSelector");
  config.namespace_selector = spec.namespace_selector;
  config.token_selector = spec.token_selector;
}

void read_digest_delay(const TokenExpiryConfigSpec& spec, ExpiryConfig& config) {
  config.route.digest = kDefaultDigestDelay;
  if (!spec.digest) return;
  const auto digest = parse_duration(*spec.digest);
  if (digest && *digest <= std::chrono::hours(24)) {
    config.route.digest = *digest;
  } else {
    config.problems.push_back(
        fmt::format("spec.digest: \"{}\" is not a duration from 0s to 24h", *spec.digest));
  }
}

// Without TLS, mail may go to the own machine or network only, and a login to the own machine only.
void check_tls_none(const SmtpSettings& smtp, ExpiryConfig& config) {
  if (smtp.tls != TlsMode::None || smtp.server.host.empty()) return;
  if (!may_go_without_tls(smtp.server.host)) {
    config.problems.push_back(fmt::format(
        "spec.smtp.tls: None is allowed only towards loopback, private or in-cluster addresses, "
        "and {} is not one; use StartTLS or Implicit",
        smtp.server.host));
  } else if (!smtp.credentials_secret.empty() && !may_log_in_without_tls(smtp.server.host)) {
    config.problems.push_back(
        fmt::format("spec.smtp.credentialsSecret: a login goes without TLS to a loopback address "
                    "only, and {} is not one; set spec.smtp.tls to StartTLS or Implicit, or "
                    "leave credentialsSecret out",
                    smtp.server.host));
  }
}

void read_helo_and_auth(const api::SmtpSpec& spec, SmtpSettings& smtp, ExpiryConfig& config) {
  if (spec.helo) {
    if (auto helo = parse_helo(*spec.helo)) {
      smtp.helo = std::move(*helo);
    } else {
      config.problems.push_back("spec.smtp.helo: " + helo.error().message);
    }
  } else {
    smtp.helo = domain_of(smtp.from.address);
  }
  if (!spec.auth) return;
  smtp.auth = parse_auth_method(*spec.auth);
  if (!smtp.auth)
    config.problems.push_back(
        fmt::format("spec.smtp.auth: \"{}\" does not exist; use PLAIN, LOGIN or CRAM-MD5",
                    cut_text(plain_text(*spec.auth), 32)));
}

void check_secret_name(const std::string& name, std::string_view path, ExpiryConfig& config) {
  if (name.empty() || is_dns_subdomain(name)) return;
  config.problems.push_back(
      fmt::format("{}: \"{}\" is not the name of a Secret; use lower case "
                  "letters, digits, '-' and '.'",
                  path, cut_text(plain_text(name), 64)));
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
    config.problems.push_back(fmt::format(
        "spec.smtp.tls: \"{}\" does not exist; use StartTLS, Implicit or None", *spec.tls));
  }
  if (auto from = parse_mailbox(spec.from)) {
    smtp.from = std::move(*from);
  } else {
    config.problems.push_back("spec.smtp.from: " + from.error().message);
  }
  check_secret_name(spec.credentials_secret, "spec.smtp.credentialsSecret", config);
  check_secret_name(spec.ca_secret, "spec.smtp.caSecret", config);
  smtp.credentials_secret = spec.credentials_secret;
  smtp.ca_secret = spec.ca_secret;
  check_tls_none(smtp, config);
  read_helo_and_auth(spec, smtp, config);
  if (config.problems.size() == problems_before) config.smtp = std::move(smtp);
}

// Reads which users get mail by spec.emailTokenUser.
void read_user_mail(const TokenExpiryConfigSpec& spec, ExpiryConfig& config) {
  ConfigRoute& route = config.route;
  route.email_token_user = spec.email_token_user;
  route.user_prefix = spec.email_user_prefix;
  const auto is_printable = [](char c) { return c > ' ' && c <= '~'; };
  if (route.user_prefix.size() > kMaxUserPrefix ||
      !std::ranges::all_of(route.user_prefix, is_printable)) {
    config.problems.push_back(
        fmt::format("spec.emailUserPrefix: must be at most {} printable ASCII characters without "
                    "blanks, such as oidc:",
                    kMaxUserPrefix));
    route.user_prefix.clear();
  }
  if (!spec.email_domains) {
    const auto from = spec.smtp ? parse_mailbox(spec.smtp->from) : Mailbox{};
    if (from && !from->address.empty()) route.user_domains.emplace_back(domain_of(from->address));
    return;
  }
  if (spec.email_domains->empty())
    config.problems.emplace_back(
        "spec.emailDomains: is empty; name the domains whose users get mail, or leave it out");
  for (const std::string& written : *spec.email_domains) {
    if (route.user_domains.size() == kMaxEmailDomains) {
      config.problems.push_back(
          fmt::format("spec.emailDomains: has more than {}; only the first {} count",
                      kMaxEmailDomains, kMaxEmailDomains));
      break;
    }
    if (auto domain = parse_domain(written)) {
      route.user_domains.push_back(std::move(*domain));
    } else {
      config.problems.push_back("spec.emailDomains: " + domain.error().message);
    }
  }
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
  read_digest_delay(spec, config);
  AddressList list = parse_address_list(spec.emails);
  config.bad_addresses = std::move(list.problems);
  config.route.config = config.name;
  config.route.list_given = !list.addresses.empty() || !config.bad_addresses.empty();
  config.route.recipients = std::move(list.addresses);
  read_user_mail(spec, config);
  config.asks_for_mail = config.route.list_given || spec.email_token_user;
  config.smtp_given = spec.smtp.has_value();
  if (spec.smtp) read_smtp(*spec.smtp, config);
  // Also with unusable smtp settings: the notices wait until the settings are corrected.
  config.route.mails = config.smtp_given && config.asks_for_mail;
  return config;
}

bool applies(const ExpiryConfig& config, const api::StringMap& token_labels,
             const api::StringMap& namespace_labels) {
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
