// Plans the status of a TokenExpiryConfig, and its Events.
#include "core/plan_expiry_config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/rfc3339.hpp"
#include "core/plain_text.hpp"

namespace apitoken::core {
namespace {

namespace condition = api::condition;
namespace reason = api::reason;

constexpr std::size_t kMaxRequest = 64;
constexpr Seconds kTestMailPause{60};  // between two test mails of a config
constexpr std::string_view kSkipped = "no mail of their own for ";
constexpr std::string_view kRefusedRecipients = "refused recipients: ";

void set(api::TokenExpiryConfigStatus& status, const ObservedConfig& observed,
         std::string_view type, std::string_view value, std::string_view why,
         std::string_view message) {
  api::set_condition(status.conditions, {type, value, why, condition_text(message), observed.now,
                                         observed.object.meta.generation});
}

// The operator has tried to send a mail since it started.
bool was_mailed(const ObservedDelivery& delivery) {
  return delivery.last_success || !delivery.last_error.empty() || !delivery.refusals.empty();
}

// The condition that an earlier process wrote still holds: this process has not tried a mail. A
// login that works proves nothing about refused recipients, nor about mail that waits.
bool still_holds(const api::Condition& before, const ObservedDelivery& delivery) {
  if (before.reason == reason::kNoServer || was_mailed(delivery)) return false;
  return !delivery.login_works || delivery.pending_notices > 0 ||
         before.message.starts_with(kRefusedRecipients);
}

std::string_view reason_of(const ObservedDelivery& delivery) {
  if (delivery.secret_missing) return reason::kSecretNotFound;
  return delivery.settings_wrong ? reason::kInvalidSpec : reason::kDeliveryFailed;
}

// The users who get no mail, for the condition's message; empty if there are none.
std::string skipped_text(const ObservedConfig& observed) {
  const ObservedSkipped& skipped = observed.skipped;
  if (skipped.count == 0) return "";
  return fmt::format(
      "{}{} {}, who have no address in {} ({}{}); set spec.emailDomains or spec.emailUserPrefix",
      kSkipped, skipped.count, skipped.count == 1 ? "user" : "users",
      fmt::join(observed.config.route.user_domains, ", "), fmt::join(skipped.names, ", "),
      std::size_t(skipped.count) > skipped.names.size() ? ", …" : "");
}

std::string without_skipped(const std::string& message) {
  const std::string text = message.substr(0, message.find(kSkipped));
  return text.ends_with("; ") ? text.substr(0, text.size() - 2) : text;
}

void set_delivery(api::TokenExpiryConfigStatus& status, const ObservedConfig& observed) {
  if (!observed.config.asks_for_mail) {
    std::erase_if(status.conditions,
                  [](const api::Condition& c) { return c.type == condition::kEmailDelivery; });
    return;
  }
  const std::string skipped = skipped_text(observed);
  const auto say = [&](std::string_view value, std::string_view why, std::string text) {
    if (!skipped.empty()) text += (text.empty() ? "" : "; ") + skipped;
    set(status, observed, condition::kEmailDelivery, value, why, text);
  };
  const ObservedDelivery& delivery = observed.delivery;
  const auto* before = api::find_condition(status.conditions, condition::kEmailDelivery);
  if (!observed.config.smtp_given) {
    say(condition::kFalse, reason::kNoServer,
        "spec.emails or spec.emailTokenUser asks for mail, and spec.smtp names no server: no mail "
        "is sent; set spec.smtp.server and spec.smtp.from");
  } else if (before && still_holds(*before, delivery)) {
    say(before->status, before->reason, without_skipped(before->message));
  } else if (!delivery.last_error.empty()) {
    say(condition::kFalse, reason_of(delivery), delivery.last_error + "; it is tried again");
  } else if (!delivery.refusals.empty()) {
    say(condition::kFalse, reason::kDeliveryFailed,
        fmt::format("{}{}", kRefusedRecipients, fmt::join(delivery.refusals, "; ")));
  } else if (status.last_email_time) {
    say(condition::kTrue, reason::kDelivered, "");
  } else {
    say(condition::kUnknown, reason::kNothingSent,
        delivery.login_works
            ? "no mail was due yet; the mail server can be reached and accepts the login"
            : "no mail was due yet");
  }
}

// The EmailDelivery condition, if a Secret is the reason that mail fails; null otherwise.
const api::Condition* secret_at_fault(const api::TokenExpiryConfigStatus& status) {
  const auto* found = api::find_condition(status.conditions, condition::kEmailDelivery);
  const bool at_fault =
      found && (found->reason == reason::kSecretNotFound || found->reason == reason::kInvalidSpec);
  return at_fault ? found : nullptr;
}

// Precondition: set_delivery() has set EmailDelivery.
void set_ready(api::TokenExpiryConfigStatus& status, const ObservedConfig& observed) {
  const ExpiryConfig& config = observed.config;
  const auto say = [&](std::string_view value, std::string_view why, std::string message) {
    if (!observed.writer.empty())
      message += fmt::format(
          "{}written by {}; another operator writes this status too: let one serve all namespaces",
          message.empty() ? "" : "; ", observed.writer);
    set(status, observed, condition::kReady, value, why, message);
  };
  if (!config.problems.empty()) {
    say(condition::kFalse, reason::kInvalidSpec,
        fmt::format("{}", fmt::join(config.problems, "; ")));
  } else if (!config.bad_addresses.empty()) {
    say(condition::kFalse, reason::kInvalidAddress,
        fmt::format("spec.emails: {}; the other addresses get their mail",
                    fmt::join(config.bad_addresses, "; ")));
  } else if (!observed.missing_secrets.empty()) {
    say(condition::kFalse, reason::kSecretNotFound,
        fmt::format(
            "no Secret {} in namespace {}: create it, and mail is sent; everything else works",
            fmt::join(observed.missing_secrets, ", "), observed.operator_namespace));
  } else if (const auto* delivery = secret_at_fault(status)) {
    say(condition::kFalse, delivery->reason, delivery->message);
  } else {
    say(condition::kTrue, reason::kAccepted, "");
  }
}

// The answer to a request for a test mail that cannot be sent.
api::TestMail refused(const ObservedConfig& observed, const std::string& requested_at,
                      std::string error) {
  api::TestMail answer;
  answer.requested_at = cut_text(plain_text(requested_at), kMaxRequest);
  answer.at = observed.now;
  answer.error = std::move(error);
  return answer;
}

// Requests the test mail of the annotation, or copies the dispatcher's answer into the status.
void plan_test_mail(ConfigPlan& plan, api::TokenExpiryConfigStatus& status,
                    const ObservedConfig& observed) {
  const auto& annotations = observed.object.meta.annotations;
  const auto found = annotations.find(api::kTestMailAnnotation);
  if (found == annotations.end() || found->second.empty()) return;
  const std::string& requested_at = found->second;
  const std::string shown = cut_text(plain_text(requested_at), kMaxRequest);
  if (status.test_mail && status.test_mail->requested_at == shown) return;
  const auto& config = observed.config;
  if (observed.test_mail && observed.test_mail->requested_at == requested_at) {
    status.test_mail = observed.test_mail;
  } else if (!parse_rfc3339(requested_at)) {
    status.test_mail =
        refused(observed, requested_at,
                fmt::format("annotation {} is \"{}\", which is not an RFC 3339 time such as "
                            "2026-01-31T12:00:00Z",
                            api::kTestMailAnnotation, shown));
  } else if (!config.smtp) {
    status.test_mail =
        refused(observed, requested_at,
                config.smtp_given ? "spec.smtp cannot be used, see the Ready condition"
                                  : "spec.smtp is not set: there is no server to send through");
  } else if (config.route.recipients.empty()) {
    status.test_mail = refused(observed, requested_at,
                               "spec.emails names no valid address: there is no recipient");
  } else {
    plan.test_mail = {requested_at, config.route.recipients,
                      test_mail_delay(status.test_mail, observed.now)};
  }
}

// Plans a Warning with the condition's message if the condition has changed.
void warn_if_changed(ConfigPlan& plan, const ObservedConfig& observed, const api::Condition& now,
                     std::string_view why, std::string_view action) {
  const auto* before = api::find_condition(observed.object.status.conditions, now.type);
  if (before && before->status == now.status && before->reason == now.reason &&
      before->message == now.message)
    return;
  const auto& meta = observed.object.meta;
  plan.events.push_back(
      {"default",
       event_name(meta.name, fmt::format("{}|{}|{}", meta.uid, why, now.message)),
       {std::string(api::kApiVersion), std::string(api::kConfigKind), "", meta.name, meta.uid},
       true,
       std::string(why),
       std::string(action),
       now.message});
}

}  // namespace

ConfigPlan plan_expiry_config(const ObservedConfig& observed) {
  const api::TokenExpiryConfigStatus& before = observed.object.status;
  api::TokenExpiryConfigStatus status = before;
  status.observed_generation = observed.object.meta.generation;
  status.matched_tokens = observed.matched_tokens;
  status.expiring_tokens = observed.expiring_tokens;
  status.pending_notices = observed.delivery.pending_notices;
  if (observed.delivery.last_success)
    status.last_email_time =
        std::max(status.last_email_time.value_or(WallTime{}), *observed.delivery.last_success);
  set_delivery(status, observed);
  set_ready(status, observed);
  if (observed.skipped.count > 0) {
    status.skipped_users = api::SkippedUsers{observed.skipped.count, observed.skipped.names};
  } else {
    status.skipped_users.reset();
  }
  ConfigPlan plan;
  plan_test_mail(plan, status, observed);
  const auto* ready = api::find_condition(status.conditions, condition::kReady);
  const auto* delivery = api::find_condition(status.conditions, condition::kEmailDelivery);
  if (ready->reason == reason::kInvalidSpec)
    warn_if_changed(plan, observed, *ready, reason::kInvalidSpec, "Validate");
  if (delivery && delivery->status == condition::kFalse)
    warn_if_changed(plan, observed, *delivery, reason::kNoticeFailed, "Mail");
  if (status != before) plan.status = std::move(status);
  return plan;
}

Seconds test_mail_delay(const std::optional<api::TestMail>& last, WallTime now) {
  const bool went_out = last && last->at && (last->accepted > 0 || !last->refused.empty());
  if (!went_out) return Seconds(0);
  return std::clamp(kTestMailPause - (now - *last->at), Seconds(0), kTestMailPause);
}

}  // namespace apitoken::core
