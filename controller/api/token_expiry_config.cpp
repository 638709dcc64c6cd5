// Decodes and encodes TokenExpiryConfigs.
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
  return {
      read_string(smtp, "server", "spec.smtp.server", problems).value_or(""),
      read_string(smtp, "tls", "spec.smtp.tls", problems),
      read_string(smtp, "from", "spec.smtp.from", problems).value_or(""),
      read_string(smtp, "credentialsSecret", "spec.smtp.credentialsSecret", problems).value_or(""),
      read_string(smtp, "caSecret", "spec.smtp.caSecret", problems).value_or(""),
      read_string(smtp, "helo", "spec.smtp.helo", problems),
      read_string(smtp, "auth", "spec.smtp.auth", problems)};
}

TokenExpiryConfigSpec decode_config_spec(Json spec) {
  TokenExpiryConfigSpec result;
  Problems* problems = &result.problems;
  result.warn_before_days = read_integer(spec, "warnBeforeDays", "spec.warnBeforeDays", problems);
  result.reminders = read_string_list(spec, "reminders", "spec.reminders", problems);
  const auto written = member(spec, "reminders");
  if (written && written->is_array() && read_array(spec, "reminders").empty())
    result.problems.emplace_back("spec.reminders: is empty; write at least one, such as 720h");
  result.emails = read_string(spec, "emails", "spec.emails", problems).value_or("");
  result.email_token_user =
      read_bool(spec, "emailTokenUser", "spec.emailTokenUser", problems).value_or(false);
  if (member(spec, "emailDomains"))
    result.email_domains = read_string_list(spec, "emailDomains", "spec.emailDomains", problems);
  result.email_user_prefix =
      read_string(spec, "emailUserPrefix", "spec.emailUserPrefix", problems).value_or("");
  result.namespace_selector =
      decode_selector(spec, "namespaceSelector", "spec.namespaceSelector", problems);
  result.token_selector = decode_selector(spec, "tokenSelector", "spec.tokenSelector", problems);
  if (const auto lifetimes = read_object(spec, "lifetimes", "spec.lifetimes", problems)) {
    result.permanent = decode_lifetime(*lifetimes, "permanent", problems);
    result.temporary = decode_lifetime(*lifetimes, "temporary", problems);
  }
  result.digest = read_string(spec, "digest", "spec.digest", problems);
  if (const auto smtp = read_object(spec, "smtp", "spec.smtp", problems))
    result.smtp = decode_smtp(*smtp, problems);
  return result;
}

std::optional<SkippedUsers> decode_skipped(Json status) {
  const auto skipped = read_object(status, "skippedUsers", "");
  if (!skipped) return {};
  return SkippedUsers{read_integer(*skipped, "count", "").value_or(0),
                      read_string_list(*skipped, "names", "")};
}

std::optional<TestMail> decode_test_mail(Json status) {
  const auto found = read_object(status, "testMail", "");
  if (!found) return {};
  TestMail mail{read_string(*found, "requestedAt", "").value_or(""),
                read_time(*found, "at"),
                read_integer(*found, "accepted", "").value_or(0),
                {},
                read_string(*found, "error", "").value_or("")};
  for (const Json refused : read_array(*found, "refused")) {
    mail.refused.push_back({read_string(refused, "address", "").value_or(""),
                            read_string(refused, "reason", "").value_or("")});
  }
  return mail;
}

nlohmann::json encode_skipped(const std::optional<SkippedUsers>& skipped) {
  if (!skipped) return {};
  return {{"count", skipped->count}, {"names", skipped->names}};
}

nlohmann::json encode_test_mail(const std::optional<TestMail>& mail) {
  if (!mail) return {};
  auto refused = nlohmann::json::array();
  for (const auto& [address, reason] : mail->refused)
    refused.push_back({{"address", address}, {"reason", reason}});
  return {{"requestedAt", mail->requested_at},
          {"at", mail->at ? nlohmann::json(format_rfc3339(*mail->at)) : nlohmann::json()},
          {"accepted", mail->accepted},
          {"refused", std::move(refused)},
          {"error", mail->error.empty() ? nlohmann::json() : nlohmann::json(mail->error)}};
}

TokenExpiryConfigStatus decode_config_status(Json status) {
  return {read_integer(status, "observedGeneration", "").value_or(0),
          decode_conditions(status),
          read_integer(status, "matchedTokens", "").value_or(0),
          read_integer(status, "expiringTokens", "").value_or(0),
          read_time(status, "lastEmailTime"),
          read_integer(status, "pendingNotices", "").value_or(0),
          decode_skipped(status),
          decode_test_mail(status)};
}

}  // namespace

Result<TokenExpiryConfig> decode_token_expiry_config(Json object) {
  TokenExpiryConfig config;
  config.meta = TRY(decode_meta(object));
  if (const auto spec = member(object, "spec")) config.spec = decode_config_spec(*spec);
  if (const auto status = member(object, "status")) config.status = decode_config_status(*status);
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
        {"lastEmailTime", status.last_email_time
                              ? nlohmann::json(format_rfc3339(*status.last_email_time))
                              : nlohmann::json()},
        {"pendingNotices", status.pending_notices},
        {"skippedUsers", encode_skipped(status.skipped_users)},
        {"testMail", encode_test_mail(status.test_mail)}}}};
  return patch.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace apitoken::api
