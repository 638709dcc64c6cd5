// The words and conditions of an ApiToken's status.
#include "core/token_status.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::core {
namespace {

namespace condition = api::condition;
namespace reason = api::reason;

void set(api::ApiTokenStatus& status, const Observed& observed, std::string_view type, bool is_true,
         std::string_view why, std::string message) {
  api::set_condition(status.conditions,
                     {std::string(type), std::string(is_true ? condition::kTrue : condition::kFalse), std::string(why),
                      std::move(message), observed.now, observed.token.meta.generation});
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
        fmt::format("expires at {}: make a new ApiToken beside it and move its consumers over before then",
                    format_rfc3339(*status.expires_at)));
  } else {
    set(status, observed, condition::kExpiringSoon, false, otherwise,
        status.warn_at && otherwise == reason::kValid
            ? fmt::format("warnings begin at {}", format_rfc3339(*status.warn_at))
            : "");
  }
}

}  // namespace

std::vector<Seconds> concerning_reminders(const ExpiryConfig& config, TokenType type, Seconds ttl) {
  std::vector<Seconds> reminders = config.reminders;
  if (type == TokenType::Temporary) std::erase_if(reminders, [&](Seconds reminder) { return reminder >= ttl; });
  return reminders;
}

std::optional<WallTime> warn_at(const std::vector<const ExpiryConfig*>& configs, TokenType type, Seconds ttl,
                                WallTime expires_at) {
  std::optional<WallTime> earliest;
  for (const ExpiryConfig* config : configs) {
    for (const Seconds reminder : concerning_reminders(*config, type, ttl)) {
      earliest = std::min(earliest.value_or(expires_at), expires_at - reminder);
    }
  }
  return earliest;
}

api::ApiTokenStatus carried_over(const Observed& observed) {
  api::ApiTokenStatus status = observed.token.status;
  status.observed_generation = observed.token.meta.generation;
  for (const api::NoticeEntry& told : observed.told) {
    const bool known = std::ranges::any_of(status.notices, [&](const api::NoticeEntry& entry) {
      return entry.config == told.config && entry.before == told.before;
    });
    if (!known) status.notices.push_back(told);
  }
  if (status.expires_at) {
    const auto ttl = parse_duration(status.ttl).value_or(longest_ttl(token_type(observed.token.spec)));
    status.warn_at = warn_at(configs_in_force(observed), token_type(observed.token.spec), ttl, *status.expires_at);
  }
  return status;
}

void set_valid(api::ApiTokenStatus& status, const Observed& observed, std::string_view note) {
  const auto why = warned(status, observed.now) ? reason::kExpiringSoon : reason::kIssued;
  set(status, observed, condition::kReady, true, why,
      fmt::format("valid until {}, under key {} of Secret {}{}", format_rfc3339(*status.expires_at),
                  observed.token.secret_key(), status.secret_name, note));
  set_expiring_soon(status, observed, reason::kValid);
  set_progress(status, observed, "", "", "");
}

void set_pending(api::ApiTokenStatus& status, const Observed& observed, std::string message) {
  set_expiring_soon(status, observed, reason::kPending);
  set_progress(status, observed, reason::kPending, "", message);
  set(status, observed, condition::kReady, false, reason::kPending, std::move(message));
}

void set_expired(api::ApiTokenStatus& status, const Observed& observed) {
  std::string message = fmt::format("expired at {}: make a new ApiToken, or delete and apply this one again",
                                    format_rfc3339(*status.expires_at));
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
