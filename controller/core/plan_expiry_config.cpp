// The status of a TokenExpiryConfig, and the Events about it.
#include "core/plan_expiry_config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/names.hpp"
#include "core/plain_text.hpp"

namespace apitoken::core {
namespace {

namespace condition = api::condition;
namespace reason = api::reason;

constexpr std::size_t kLongestMessage = 4096;  // bytes; the CRD allows 32768 characters

void set(api::TokenExpiryConfigStatus& status, const ObservedConfig& observed, std::string_view type,
         std::string_view value, std::string_view why, std::string_view message) {
  api::set_condition(status.conditions, {type, value, why, cut_text(plain_text(message), kLongestMessage), observed.now,
                                         observed.object.meta.generation});
}

bool was_attempted(const ObservedDelivery& delivery) {
  return delivery.last_success || !delivery.last_error.empty() || !delivery.refusals.empty();
}

void set_delivery(api::TokenExpiryConfigStatus& status, const ObservedConfig& observed) {
  if (!observed.object.spec.smtp) {
    std::erase_if(status.conditions, [](const api::Condition& c) { return c.type == condition::kEmailDelivery; });
    return;
  }
  const ObservedDelivery& delivery = observed.delivery;
  const auto* before = api::find_condition(status.conditions, condition::kEmailDelivery);
  if (before && !was_attempted(delivery)) {  // what came of the mail before a restart still holds
    set(status, observed, before->type, before->status, before->reason, before->message);
  } else if (!delivery.last_error.empty()) {
    set(status, observed, condition::kEmailDelivery, condition::kFalse,
        delivery.secret_missing ? reason::kSecretNotFound : reason::kDeliveryFailed,
        delivery.last_error + "; it is tried again");
  } else if (!delivery.refusals.empty()) {
    set(status, observed, condition::kEmailDelivery, condition::kFalse, reason::kDeliveryFailed,
        fmt::format("refused recipients: {}", fmt::join(delivery.refusals, "; ")));
  } else if (status.last_email_time) {
    set(status, observed, condition::kEmailDelivery, condition::kTrue, reason::kDelivered, "");
  } else {
    set(status, observed, condition::kEmailDelivery, condition::kUnknown, reason::kNothingSent, "no mail was due yet");
  }
}

// The EmailDelivery condition where mail waits for what its Secret lacks; null otherwise. Only an attempt finds that
// out, so with nothing left to attempt it is not held against a Secret that may have been mended.
const api::Condition* waits_for_secret(const api::TokenExpiryConfigStatus& status, const ObservedDelivery& delivery) {
  const auto* found = api::find_condition(status.conditions, condition::kEmailDelivery);
  const bool waits = delivery.pending_notices > 0 || !was_attempted(delivery);
  return found && found->reason == reason::kSecretNotFound && waits ? found : nullptr;
}

// By set_delivery()'s outcome.
void set_ready(api::TokenExpiryConfigStatus& status, const ObservedConfig& observed) {
  const ExpiryConfig& config = observed.config;
  if (!config.problems.empty()) {
    set(status, observed, condition::kReady, condition::kFalse, reason::kInvalidSpec,
        fmt::format("{}", fmt::join(config.problems, "; ")));
  } else if (!config.bad_addresses.empty()) {
    set(status, observed, condition::kReady, condition::kFalse, reason::kInvalidAddress,
        fmt::format("spec.emails: {}; the other addresses get their mail", fmt::join(config.bad_addresses, "; ")));
  } else if (!observed.missing_secrets.empty()) {
    set(status, observed, condition::kReady, condition::kFalse, reason::kSecretNotFound,
        fmt::format("no Secret {} in namespace {}: make it, and mail goes out; everything else works",
                    fmt::join(observed.missing_secrets, ", "), observed.operator_namespace));
  } else if (const auto* delivery = waits_for_secret(status, observed.delivery)) {
    set(status, observed, condition::kReady, condition::kFalse, reason::kSecretNotFound, delivery->message);
  } else {
    set(status, observed, condition::kReady, condition::kTrue, reason::kAccepted, "");
  }
}

// A Warning that says what the condition says, where it said something else before.
void tell_news(ConfigPlan& plan, const ObservedConfig& observed, const api::Condition& now, std::string_view why,
               std::string_view action) {
  const auto* before = api::find_condition(observed.object.status.conditions, now.type);
  if (before && before->status == now.status && before->reason == now.reason && before->message == now.message) return;
  const auto& meta = observed.object.meta;
  plan.events.push_back({"default",
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
    status.last_email_time = std::max(status.last_email_time.value_or(WallTime{}), *observed.delivery.last_success);
  set_delivery(status, observed);
  set_ready(status, observed);
  ConfigPlan plan;
  const auto* ready = api::find_condition(status.conditions, condition::kReady);
  const auto* delivery = api::find_condition(status.conditions, condition::kEmailDelivery);
  if (ready->reason == reason::kInvalidSpec) tell_news(plan, observed, *ready, reason::kInvalidSpec, "Validate");
  if (delivery && delivery->status == condition::kFalse)
    tell_news(plan, observed, *delivery, reason::kNoticeFailed, "Mail");
  if (status != before) plan.status = std::move(status);
  return plan;
}

}  // namespace apitoken::core
