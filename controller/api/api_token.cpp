// Decodes and encodes ApiTokens.
#include "api/api_token.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/duration.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

// Far more values than a token can have, and far below overflow.
constexpr std::int64_t kMaxRevision = 1'000'000'000'000;

ApiTokenSpec decode_token_spec(Json spec) {
  ApiTokenSpec result;
  Problems* problems = &result.problems;
  result.user = read_string(spec, "user", "spec.user", problems).value_or("");
  result.description = read_string(spec, "description", "spec.description", problems).value_or("");
  result.type = read_string(spec, "type", "spec.type", problems);
  result.ttl = read_string(spec, "ttl", "spec.ttl", problems);
  result.format = read_string(spec, "format", "spec.format", problems);
  result.groups = read_string_list(spec, "groups", "spec.groups", problems);
  result.scopes = read_string_list(spec, "scopes", "spec.scopes", problems);
  result.audiences = read_string_list(spec, "audiences", "spec.audiences", problems);
  result.revoked = read_bool(spec, "revoked", "spec.revoked", problems).value_or(false);
  result.ttl_after_expired = read_string(spec, "ttlAfterExpired", "spec.ttlAfterExpired", problems);
  if (const auto secret = read_object(spec, "secret", "spec.secret", problems)) {
    SecretTemplate& read = result.secret.edit();
    read.name = read_string(*secret, "name", "spec.secret.name", problems);
    read.key = read_string(*secret, "key", "spec.secret.key", problems);
    read.labels = read_string_map(*secret, "labels", "spec.secret.labels", problems);
    read.annotations = read_string_map(*secret, "annotations", "spec.secret.annotations", problems);
    read.delete_after = read_string(*secret, "deleteAfter", "spec.secret.deleteAfter", problems);
    read.encrypt_to = read_string(*secret, "encryptTo", "spec.secret.encryptTo", problems);
  }
  if (const auto rotation = read_object(spec, "rotation", "spec.rotation", problems)) {
    RotationPolicy& read = result.rotation.edit();
    read.policy = read_string(*rotation, "policy", "spec.rotation.policy", problems);
    read.before = read_string(*rotation, "before", "spec.rotation.before", problems);
    read.overlap = read_string(*rotation, "overlap", "spec.rotation.overlap", problems);
  }
  return result;
}

// Empty if the hash or validUntil is missing: such a value cannot verify.
std::optional<PreviousToken> decode_previous(Json status) {
  const auto previous = read_object(status, "previous", "");
  if (!previous) return {};
  const auto hash = read_string(*previous, "tokenHash", "");
  const auto valid_until = read_time(*previous, "validUntil");
  if (!hash || hash->empty() || !valid_until) return {};
  return PreviousToken{read_string(*previous, "tokenID", "").value_or(""), *hash, *valid_until,
                       read_time(*previous, "replacedAt")};
}

ApiTokenStatus decode_token_status(Json status) {
  ApiTokenStatus result;
  result.observed_generation = read_integer(status, "observedGeneration", "").value_or(0);
  result.conditions = decode_conditions(status);
  result.type = read_string(status, "type", "").value_or("");
  result.ttl = read_string(status, "ttl", "").value_or("");
  result.token_id = read_string(status, "tokenID", "").value_or("");
  result.token_hash = read_string(status, "tokenHash", "").value_or("");
  result.hint = read_string(status, "hint", "").value_or("");
  result.issued_at = read_time(status, "issuedAt");
  result.expires_at = read_time(status, "expiresAt");
  result.rotate_at = read_time(status, "rotateAt");
  result.warn_at = read_time(status, "warnAt");
  result.delivered_at = read_time(status, "deliveredAt");
  result.revision =
      std::clamp(read_integer(status, "revision", "").value_or(0), std::int64_t{0}, kMaxRevision);
  result.has_encrypted_value = member(status, "encryptedValue").has_value();
  result.secret_name = read_string(status, "secretName", "").value_or("");
  result.previous = decode_previous(status);
  result.last_rotation_request = read_string(status, "lastRotationRequest", "").value_or("");
  result.ignored_rotation_request = read_string(status, "ignoredRotationRequest", "").value_or("");
  result.last_rotation_time = read_time(status, "lastRotationTime");
  result.last_used_at = read_time(status, "lastUsedAt");
  for (const Json item : read_array(status, "notices")) {
    // An unreadable entry counts as not delivered: a notice twice is better than never.
    const auto before = parse_duration(read_string(item, "before", "").value_or(""));
    if (!before) continue;
    result.notices.push_back({read_string(item, "config", "").value_or(""), *before,
                              read_time(item, "eventAt"), read_time(item, "sentAt")});
  }
  return result;
}

nlohmann::json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

nlohmann::json time_or_null(const std::optional<WallTime>& time) {
  return time ? nlohmann::json(format_rfc3339(*time)) : nlohmann::json();
}

nlohmann::json encode_previous(const std::optional<PreviousToken>& previous) {
  if (!previous) return {};
  return {{"tokenID", previous->token_id},
          {"tokenHash", previous->token_hash},
          {"validUntil", format_rfc3339(previous->valid_until)},
          {"replacedAt", time_or_null(previous->replaced_at)}};
}

nlohmann::json encode_notices(const std::vector<NoticeEntry>& notices) {
  if (notices.empty()) return {};
  auto result = nlohmann::json::array();
  for (const NoticeEntry& notice : notices) {
    nlohmann::json entry{{"config", notice.config},
                         {"before", format_duration_short(notice.before)}};
    if (notice.event_at) entry["eventAt"] = format_rfc3339(*notice.event_at);
    if (notice.sent_at) entry["sentAt"] = format_rfc3339(*notice.sent_at);
    result.push_back(std::move(entry));
  }
  return result;
}

}  // namespace

Result<ApiToken> decode_api_token(Json object) {
  ApiToken token;
  token.meta = TRY(decode_meta(object));
  if (const auto spec = member(object, "spec")) token.spec = decode_token_spec(*spec);
  if (const auto status = member(object, "status")) token.status = decode_token_status(*status);
  return token;
}

std::string encode_status_patch(const ObjectMeta& meta, const ApiTokenStatus& status,
                                std::string_view encrypted_value) {
  nlohmann::json patch{
      {"metadata", {{"uid", meta.uid}, {"resourceVersion", meta.resource_version}}},
      {"status",
       {{"observedGeneration", status.observed_generation},
        {"conditions", encode_conditions(status.conditions)},
        {"type", text_or_null(status.type)},
        {"ttl", text_or_null(status.ttl)},
        {"tokenID", text_or_null(status.token_id)},
        {"tokenHash", text_or_null(status.token_hash)},
        {"hint", text_or_null(status.hint)},
        {"issuedAt", time_or_null(status.issued_at)},
        {"expiresAt", time_or_null(status.expires_at)},
        {"rotateAt", time_or_null(status.rotate_at)},
        {"warnAt", time_or_null(status.warn_at)},
        {"deliveredAt", time_or_null(status.delivered_at)},
        {"revision", status.revision > 0 ? nlohmann::json(status.revision) : nlohmann::json()},
        {"secretName", text_or_null(status.secret_name)},
        {"previous", encode_previous(status.previous)},
        {"lastRotationRequest", text_or_null(status.last_rotation_request)},
        {"ignoredRotationRequest", text_or_null(status.ignored_rotation_request)},
        {"lastRotationTime", time_or_null(status.last_rotation_time)},
        {"notices", encode_notices(status.notices)}}}};
  if (!status.has_encrypted_value) {
    patch["status"]["encryptedValue"] = nullptr;
  } else if (!encrypted_value.empty()) {
    patch["status"]["encryptedValue"] = encrypted_value;
  }
  return patch.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string read_encrypted_value(Json object) {
  const auto status = member(object, "status");
  return status ? read_string(*status, "encryptedValue", "").value_or("") : "";
}

std::string encode_last_used_patch(const ObjectMeta& meta, WallTime when) {
  const nlohmann::json patch{{"metadata", {{"uid", meta.uid}}},
                             {"status", {{"lastUsedAt", format_rfc3339(when)}}}};
  return patch.dump();
}

}  // namespace apitoken::api
