// The status of a TokenExpiryConfig.
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
  } else {
    set(status, observed, condition::kReady, condition::kTrue, reason::kAccepted, "");
  }
}

void set_delivery(api::TokenExpiryConfigStatus& status, const ObservedConfig& observed) {
  if (!observed.object.spec.smtp) {
    std::erase_if(status.conditions, [](const api::Condition& c) { return c.type == condition::kEmailDelivery; });
    return;
  }
  const ObservedDelivery& delivery = observed.delivery;
  if (!delivery.last_error.empty()) {
    set(status, observed, condition::kEmailDelivery, condition::kFalse, reason::kDeliveryFailed,
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

api::Event failure_event(const ObservedConfig& observed, const api::Condition& delivery) {
  const auto& meta = observed.object.meta;
  return {"default",
          event_name(meta.name, fmt::format("{}|{}|{}", meta.uid, reason::kNoticeFailed, delivery.message)),
          {std::string(api::kApiVersion), std::string(api::kConfigKind), "", meta.name, meta.uid},
          true,
          std::string(reason::kNoticeFailed),
          "Mail",
          delivery.message};
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
  set_ready(status, observed);
  set_delivery(status, observed);
  ConfigPlan plan;
  const auto* delivery = api::find_condition(status.conditions, condition::kEmailDelivery);
  const auto* delivery_before = api::find_condition(before.conditions, condition::kEmailDelivery);
  if (delivery && delivery->status == condition::kFalse &&
      (!delivery_before || delivery_before->message != delivery->message)) {
    plan.event = failure_event(observed, *delivery);
  }
  if (status != before) plan.status = std::move(status);
  return plan;
}

}  // namespace apitoken::core
