// Every reminder of every config in force, and the expiry itself.
#include "core/warnings.hpp"

#include <algorithm>
#include <tuple>

#include "base/duration.hpp"
#include "core/rotation.hpp"
#include "core/token_status.hpp"

namespace apitoken::core {
namespace {

using State = Warning::State;

Observed observe(WallTime now, const api::ApiToken& token,
                 const std::vector<const ExpiryConfig*>& configs) {
  return {now, token, {}, configs, {}};
}

// Whether the ledger has this reminder of the config, or a nearer one.
bool is_reached(const std::vector<api::NoticeEntry>& ledger, const std::string& config,
                Seconds before) {
  return std::ranges::any_of(ledger, [&](const api::NoticeEntry& entry) {
    return entry.config == config && entry.before <= before;
  });
}

bool is_in_ledger(const std::vector<api::NoticeEntry>& ledger, const std::string& config,
                  Seconds before) {
  return std::ranges::any_of(ledger, [&](const api::NoticeEntry& entry) {
    return entry.config == config && entry.before == before;
  });
}

Warning warning_of(const api::ApiToken& token, const ExpiryConfig& config, Seconds before) {
  const ConfigRoute& route = config.route;
  Warning warning{.at = *token.status.expires_at - before, .config = config.name, .before = before};
  if (!route.mails) return warning;
  warning.recipients = route.recipients;
  if (route.email_token_user) {
    warning.own_mail =
        mailbox_of_user(token.spec.user, route.user_prefix, route.user_domains).value_or("");
  }
  return warning;
}

// The warnings of one config, the nearest due one found among `reminders`.
void add_warnings(const Observed& observed, const ExpiryConfig& config,
                  const std::vector<Seconds>& reminders, std::vector<Warning>& warnings) {
  const auto& token = observed.token;
  const auto& ledger = token.status.notices;
  const auto due =
      due_notice(reminders, *token.status.expires_at, config.name, ledger, observed.now);
  for (const Seconds before : reminders) {
    auto warning = warning_of(token, config, before);
    if (is_in_ledger(ledger, config.name, before)) {
      warning.state = State::Done;
    } else if (warning.at > observed.now) {
      if (is_reached(ledger, config.name, before)) continue;
      warning.state = State::Future;
    } else if (due && *due == before) {
      warning.state = State::Due;
    } else {
      continue;  // overtaken
    }
    warnings.push_back(std::move(warning));
  }
}

}  // namespace

std::vector<Warning> warnings_of(WallTime now, const api::ApiToken& token,
                                 const std::vector<const ExpiryConfig*>& configs) {
  std::vector<Warning> warnings;
  const auto observed = observe(now, token, configs);
  const auto& [meta, spec, status] = token;
  if (!status.expires_at || spec.revoked) return warnings;
  if (status.rotate_at && now < rotation_overdue(*status.rotate_at, *status.expires_at))
    return warnings;
  for (const ExpiryConfig* config : configs_in_force(observed)) {
    auto reminders = concerning_reminders(*config, token_type(spec), ttl_in_force(spec, status));
    if (reminders.empty()) continue;
    reminders.emplace_back(0);
    add_warnings(observed, *config, reminders, warnings);
  }
  std::ranges::sort(warnings, {}, [](const Warning& warning) {
    return std::tie(warning.at, warning.config, warning.before);
  });
  return warnings;
}

Minted as_minted(WallTime now, const api::ApiToken& token,
                 const std::vector<const ExpiryConfig*>& configs) {
  Minted minted{token, lifetime_rule(observe(now, token, configs))};
  const auto granted = grant_ttl(token.spec, minted.rule);
  auto& status = minted.token.status;
  status = {};
  status.ttl = format_duration(granted.ttl);
  status.issued_at = now;
  status.expires_at = now + granted.ttl;
  set_instants(status, observe(now, token, configs));
  return minted;
}

std::vector<const ExpiryConfig*> configs_for(const std::vector<ExpiryConfig>& all,
                                             const api::StringMap& token_labels,
                                             const api::StringMap& namespace_labels) {
  std::vector<const ExpiryConfig*> found;
  for (const auto& config : all) {
    if (applies(config, token_labels, namespace_labels)) found.push_back(&config);
  }
  return found;
}

}  // namespace apitoken::core
