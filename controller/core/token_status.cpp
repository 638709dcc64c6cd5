// Writes the conditions of an ApiToken's status.
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

// A Permanent token that is shorter than all reminders has one reminder, this share of its ttl.
constexpr int kLateWarningShare = 3;

void set(api::ApiTokenStatus& status, const Observed& observed, std::string_view type,
         std::string_view value, std::string_view why, std::string message) {
  api::set_condition(status.conditions, {type, value, why, std::move(message), observed.now,
                                         observed.token.meta.generation});
}

// kstatus reads these three conditions as abnormal-true: they exist only while they are True.
void set_while(bool holds, api::ApiTokenStatus& status, const Observed& observed,
               std::string_view type, std::string_view why, std::string message) {
  if (holds) {
    set(status, observed, type, condition::kTrue, why, std::move(message));
  } else {
    api::remove_condition(status.conditions, type);
  }
}

void set_ready(api::ApiTokenStatus& status, const Observed& observed, bool ready,
               std::string_view why, std::string message) {
  set(status, observed, condition::kReady, ready ? condition::kTrue : condition::kFalse, why,
      std::move(message));
}

// Sets Reconciling and Stalled. At most one of the two reasons is not empty.
void set_progress(api::ApiTokenStatus& status, const Observed& observed,
                  std::string_view reconciling, std::string_view stalled,
                  const std::string& message) {
  set_while(!reconciling.empty(), status, observed, condition::kReconciling, reconciling, message);
  set_while(!stalled.empty(), status, observed, condition::kStalled, stalled, message);
}

bool warned(const api::ApiTokenStatus& status, WallTime now) {
  return status.warn_at && status.expires_at && now >= *status.warn_at && now < *status.expires_at;
}

void set_expiring_soon(api::ApiTokenStatus& status, const Observed& observed, bool lives_on) {
  const bool holds = lives_on && warned(status, observed.now);
  set_while(
      holds, status, observed, condition::kExpiringSoon, reason::kExpiringSoon,
      holds ? fmt::format(
                  "expires at {}: rotate it before then by the annotation {} with the present time",
                  format_rfc3339(*status.expires_at), api::kRotateRequestAnnotation)
            : "");
}

// An addition to the Ready message if the ttl in force is not the one that the spec asks for.
std::string describe_ttl(const api::ApiTokenStatus& status, const Observed& observed) {
  const auto& spec = observed.token.spec;
  const LifetimeRule rule = lifetime_rule(observed);
  const GrantedTtl granted = grant_ttl(spec, rule);
  const std::string& in_force = status.ttl;
  if (granted.cut() && format_duration(granted.ttl) == in_force) {
    return fmt::format("; ttl {} was cut to {} by TokenExpiryConfig {}",
                       format_duration(granted.asked), in_force, rule.max_config);
  }
  if (!spec.ttl || format_duration(granted.asked) == in_force) return "";
  return fmt::format("; ttl {} is in force, {} counts from the next minting", in_force,
                     format_duration(granted.ttl));
}

}  // namespace

LifetimeRule lifetime_rule(const Observed& observed) {
  const TokenType type = token_type(observed.token.spec);
  LifetimeRule rule;
  for (const ExpiryConfig* config : observed.configs)
    rule.narrow(config->lifetime(type), config->name);
  return rule;
}

std::vector<Seconds> concerning_reminders(const ExpiryConfig& config, TokenType type, Seconds ttl) {
  std::vector<Seconds> reminders = config.reminders;
  std::erase_if(reminders, [&](Seconds reminder) { return reminder >= ttl; });
  if (reminders.empty() && type == TokenType::Permanent)
    reminders.push_back(ttl / kLateWarningShare);
  return reminders;
}

Seconds ttl_in_force(const api::ApiTokenSpec& spec, const api::ApiTokenStatus& status) {
  return parse_duration(status.ttl).value_or(max_ttl(token_type(spec)));
}

std::optional<WallTime> warn_at(const std::vector<const ExpiryConfig*>& configs,
                                const api::ApiTokenSpec& spec, const api::ApiTokenStatus& status) {
  std::optional<WallTime> earliest;
  for (const ExpiryConfig* config : configs) {
    for (const Seconds reminder :
         concerning_reminders(*config, token_type(spec), ttl_in_force(spec, status))) {
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
  status.rotate_at =
      automatic_rotation(token, ttl_in_force(token.spec, status), *status.expires_at);
  status.warn_at = warn_at(configs_in_force(observed), token.spec, status);
}

api::ApiTokenStatus carried_over(const Observed& observed) {
  api::ApiTokenStatus status = observed.token.status;
  status.observed_generation = observed.token.meta.generation;
  if (status.type.empty()) status.type = to_string(token_type(observed.token.spec));
  for (const api::NoticeEntry& delivered : observed.delivered_notices) {
    const bool known = std::ranges::any_of(status.notices, [&](const api::NoticeEntry& entry) {
      return entry.config == delivered.config && entry.before == delivered.before;
    });
    if (!known) status.notices.push_back(delivered);
  }
  if (status.previous && observed.now >= status.previous->valid_until) status.previous.reset();
  if (status.expires_at) set_instants(status, observed);
  return status;
}

void set_valid(api::ApiTokenStatus& status, const Observed& observed, std::string_view place) {
  const auto lives = status.last_rotation_time ? reason::kRotated : reason::kIssued;
  const auto why = warned(status, observed.now) ? reason::kExpiringSoon : lives;
  std::string message = fmt::format("valid until {}, {}{}", format_rfc3339(*status.expires_at),
                                    place, describe_ttl(status, observed));
  if (status.previous) {
    message += fmt::format("; the previous value works until {}",
                           format_rfc3339(status.previous->valid_until));
  }
  set_ready(status, observed, true, why, std::move(message));
  set_expiring_soon(status, observed, true);
  set_progress(status, observed, "", "", "");
}

void set_reconciling(api::ApiTokenStatus& status, const Observed& observed,
                     const std::string& message) {
  set_progress(status, observed, reason::kPending, "", message);
}

void set_stuck(api::ApiTokenStatus& status, const Observed& observed, std::string_view reason,
               const std::string& message) {
  set_progress(status, observed, "", reason, message);
}

void set_pending(api::ApiTokenStatus& status, const Observed& observed,
                 const std::string& message) {
  set_ready(status, observed, false, reason::kPending, message);
  set_expiring_soon(status, observed, true);
  set_progress(status, observed, reason::kPending, "", message);
}

void set_expired(api::ApiTokenStatus& status, const Observed& observed) {
  const std::string message =
      fmt::format("expired at {}: renew it by the annotation {} with the present time",
                  format_rfc3339(*status.expires_at), api::kRotateRequestAnnotation);
  set_ready(status, observed, false, reason::kExpired, message);
  set_expiring_soon(status, observed, false);
  set_progress(status, observed, "", reason::kExpired, message);
}

void set_stalled(api::ApiTokenStatus& status, const Observed& observed, std::string_view why,
                 const std::string& message) {
  set_ready(status, observed, false, why, message);
  set_expiring_soon(status, observed, !status.token_hash.empty());
  set_progress(status, observed, "", why, message);
}

}  // namespace apitoken::core
