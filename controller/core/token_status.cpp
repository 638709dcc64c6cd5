// The words and conditions of an ApiToken's status.
#include "core/token_status.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/rotation.hpp"

namespace apitoken::core {
namespace {

namespace condition = api::condition;
namespace reason = api::reason;

void set(api::ApiTokenStatus& status, const Observed& observed, std::string_view type, bool is_true,
         std::string_view why, std::string message) {
  api::set_condition(status.conditions, {type, is_true ? condition::kTrue : condition::kFalse, why, std::move(message),
                                         observed.now, observed.token.meta.generation});
}

void set_progress(api::ApiTokenStatus& status, const Observed& observed, std::string_view reconciling,
                  std::string_view stalled, const std::string& message) {
  const auto either = [&](std::string_view type, std::string_view why) {
    set(status, observed, type, !why.empty(), why.empty() ? reason::kDone : why, why.empty() ? "" : message);
  };
  either(condition::kReconciling, reconciling);
  either(condition::kStalled, stalled);
}

bool warned(const api::ApiTokenStatus& status, WallTime now) {
  return status.warn_at && status.expires_at && now >= *status.warn_at && now < *status.expires_at;
}

void set_expiring_soon(api::ApiTokenStatus& status, const Observed& observed, std::string_view otherwise) {
  if (warned(status, observed.now)) {
    set(status, observed, condition::kExpiringSoon, true, reason::kExpiringSoon,
        fmt::format("expires at {}: rotate it before then by the annotation {} with the present time",
                    format_rfc3339(*status.expires_at), api::kRotateRequestAnnotation));
  } else {
    set(status, observed, condition::kExpiringSoon, false, otherwise,
        status.warn_at && otherwise == reason::kValid
            ? fmt::format("warnings begin at {}", format_rfc3339(*status.warn_at))
            : "");
  }
}

// What the Ready message adds where the ttl in force is not the one asked for.
std::string describe_ttl(const api::ApiTokenStatus& status, const Observed& observed) {
  const auto& spec = observed.token.spec;
  const LifetimeRule rule = lifetime_rule(observed);
  const GrantedTtl granted = grant_ttl(spec, rule);
  const std::string& in_force = status.ttl;
  if (granted.cut() && format_duration(granted.ttl) == in_force) {
    return fmt::format("; ttl {} was cut to {} by TokenExpiryConfig {}", format_duration(granted.asked), in_force,
                       rule.max_config);
  }
  if (!spec.ttl || format_duration(granted.asked) == in_force) return "";
  return fmt::format("; ttl {} is in force, {} counts from the next minting", in_force, format_duration(granted.ttl));
}

}  // namespace

LifetimeRule lifetime_rule(const Observed& observed) {
  const TokenType type = token_type(observed.token.spec);
  LifetimeRule rule;
  for (const ExpiryConfig* config : observed.configs) rule.narrow(config->lifetime(type), config->name);
  return rule;
}

std::vector<Seconds> concerning_reminders(const ExpiryConfig& config, TokenType type, Seconds ttl) {
  std::vector<Seconds> reminders = config.reminders;
  if (type == TokenType::Temporary) std::erase_if(reminders, [&](Seconds reminder) { return reminder >= ttl; });
  return reminders;
}

Seconds ttl_in_force(const api::ApiTokenSpec& spec, const api::ApiTokenStatus& status) {
  return parse_duration(status.ttl).value_or(longest_ttl(token_type(spec)));
}

std::optional<WallTime> warn_at(const std::vector<const ExpiryConfig*>& configs, const api::ApiTokenSpec& spec,
                                const api::ApiTokenStatus& status) {
  std::optional<WallTime> earliest;
  for (const ExpiryConfig* config : configs) {
    for (const Seconds reminder : concerning_reminders(*config, token_type(spec), ttl_in_force(spec, status))) {
      earliest = std::min(earliest.value_or(*status.expires_at), *status.expires_at - reminder);
    }
  }
  if (earliest && status.rotate_at) {
    earliest = std::max(*earliest, rotation_overdue(*status.rotate_at, *status.expires_at));
  }
  return earliest;
}

void set_instants(api::ApiTokenStatus& status, const Observed& observed) {
  const auto& token = observed.token;
  status.rotate_at = automatic_rotation(token, ttl_in_force(token.spec, status), *status.expires_at);
  status.warn_at = warn_at(configs_in_force(observed), token.spec, status);
}

api::ApiTokenStatus carried_over(const Observed& observed) {
  api::ApiTokenStatus status = observed.token.status;
  status.observed_generation = observed.token.meta.generation;
  if (status.type.empty()) status.type = to_string(token_type(observed.token.spec));
  for (const api::NoticeEntry& told : observed.told) {
    const bool known = std::ranges::any_of(status.notices, [&](const api::NoticeEntry& entry) {
      return entry.config == told.config && entry.before == told.before;
    });
    if (!known) status.notices.push_back(told);
  }
  if (status.previous && observed.now >= status.previous->valid_until) status.previous.reset();
  if (status.expires_at) set_instants(status, observed);
  return status;
}

void set_valid(api::ApiTokenStatus& status, const Observed& observed, std::string_view place) {
  const auto lives = status.last_rotation_time ? reason::kRotated : reason::kIssued;
  const auto why = warned(status, observed.now) ? reason::kExpiringSoon : lives;
  std::string message =
      fmt::format("valid until {}, {}{}", format_rfc3339(*status.expires_at), place, describe_ttl(status, observed));
  if (status.previous) {
    message += fmt::format("; the former value works until {}", format_rfc3339(status.previous->valid_until));
  }
  set(status, observed, condition::kReady, true, why, std::move(message));
  set_expiring_soon(status, observed, reason::kValid);
  set_progress(status, observed, "", "", "");
}

void set_reconciling(api::ApiTokenStatus& status, const Observed& observed, const std::string& message) {
  set_progress(status, observed, reason::kPending, "", message);
}

void set_stuck(api::ApiTokenStatus& status, const Observed& observed, const std::string& message) {
  set_progress(status, observed, "", reason::kInvalidSpec, message);
}

void set_pending(api::ApiTokenStatus& status, const Observed& observed, std::string message) {
  set_expiring_soon(status, observed, reason::kPending);
  set_progress(status, observed, reason::kPending, "", message);
  set(status, observed, condition::kReady, false, reason::kPending, std::move(message));
}

void set_expired(api::ApiTokenStatus& status, const Observed& observed) {
  std::string message = fmt::format("expired at {}: renew it by the annotation {} with the present time",
                                    format_rfc3339(*status.expires_at), api::kRotateRequestAnnotation);
  set(status, observed, condition::kExpiringSoon, false, reason::kExpired, "");
  set_progress(status, observed, "", reason::kExpired, message);
  set(status, observed, condition::kReady, false, reason::kExpired, std::move(message));
}

void set_stalled(api::ApiTokenStatus& status, const Observed& observed, std::string_view why, std::string message) {
  const bool lives_on = !status.token_hash.empty();
  if (lives_on) {
    set_expiring_soon(status, observed, why);
  } else {
    set(status, observed, condition::kExpiringSoon, false, why, "");
  }
  set_progress(status, observed, "", why, message);
  set(status, observed, condition::kReady, false, why, std::move(message));
}

}  // namespace apitoken::core
