// TokenExpiryConfig: JSON in and out.
#include "api/token_expiry_config.hpp"

#include <nlohmann/json.hpp>

#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

LifetimeSpec decode_lifetime(Json lifetimes, std::string_view type, Problems* problems) {
  const std::string path = "spec.lifetimes." + std::string(type);
  const auto found = read_object(lifetimes, type, path, problems);
  if (!found) return {};
  return {read_string(*found, "default", path + ".default", problems),
          read_string(*found, "max", path + ".max", problems)};
}

SmtpSpec decode_smtp(Json smtp, Problems* problems) {
  return {read_string(smtp, "server", "spec.smtp.server", problems).value_or(""),
          read_string(smtp, "tls", "spec.smtp.tls", problems),
          read_string(smtp, "from", "spec.smtp.from", problems).value_or(""),
          read_string(smtp, "credentialsSecret", "spec.smtp.credentialsSecret", problems).value_or(""),
          read_string(smtp, "caSecret", "spec.smtp.caSecret", problems).value_or("")};
}

TokenExpiryConfigSpec decode_spec(Json spec) {
  TokenExpiryConfigSpec result;
  Problems* problems = &result.problems;
  result.warn_before_days = read_integer(spec, "warnBeforeDays", "spec.warnBeforeDays", problems);
  result.reminders = read_string_list(spec, "reminders", "spec.reminders", problems);
  result.emails = read_string(spec, "emails", "spec.emails", problems).value_or("");
  result.email_token_user = read_bool(spec, "emailTokenUser", "spec.emailTokenUser", problems).value_or(false);
  result.namespace_selector = decode_selector(spec, "namespaceSelector", "spec.namespaceSelector", problems);
  result.token_selector = decode_selector(spec, "tokenSelector", "spec.tokenSelector", problems);
  if (const auto lifetimes = read_object(spec, "lifetimes", "spec.lifetimes", problems)) {
    result.permanent = decode_lifetime(*lifetimes, "permanent", problems);
    result.temporary = decode_lifetime(*lifetimes, "temporary", problems);
  }
  result.digest = read_string(spec, "digest", "spec.digest", problems);
  if (const auto smtp = read_object(spec, "smtp", "spec.smtp", problems)) result.smtp = decode_smtp(*smtp, problems);
  return result;
}

TokenExpiryConfigStatus decode_status(Json status) {
  return {read_integer(status, "observedGeneration", "").value_or(0),
          decode_conditions(status),
          read_integer(status, "matchedTokens", "").value_or(0),
          read_integer(status, "expiringTokens", "").value_or(0),
          read_time(status, "lastEmailTime"),
          read_integer(status, "pendingNotices", "").value_or(0)};
}

}  // namespace

Result<TokenExpiryConfig> decode_token_expiry_config(Json object) {
  auto meta = decode_meta(object);
  if (!meta) return std::unexpected(meta.error());
  TokenExpiryConfig config;
  config.meta = std::move(*meta);
  if (const auto spec = member(object, "spec")) config.spec = decode_spec(*spec);
  if (const auto status = member(object, "status")) config.status = decode_status(*status);
  return config;
}

std::string encode_status_patch(const ObjectMeta& meta, const TokenExpiryConfigStatus& status) {
  const nlohmann::json patch{
      {"metadata", {{"uid", meta.uid}, {"resourceVersion", meta.resource_version}}},
      {"status",
       {{"observedGeneration", status.observed_generation},
        {"conditions", encode_conditions(status.conditions)},
        {"matchedTokens", status.matched_tokens},
        {"expiringTokens", status.expiring_tokens},
        {"lastEmailTime",
         status.last_email_time ? nlohmann::json(format_rfc3339(*status.last_email_time)) : nlohmann::json()},
        {"pendingNotices", status.pending_notices}}}};
  return patch.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace apitoken::api
