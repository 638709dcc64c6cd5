// Computes the urgency of an ApiToken.
#include "core/token_urgency.hpp"

#include "api/names.hpp"
#include "core/rotation.hpp"

namespace apitoken::core {

Urgency token_urgency(const api::ApiToken& token, WallTime now) {
  const auto& status = token.status;
  const auto* ready = api::find_condition(status.conditions, api::condition::kReady);
  const auto is_ready_reason = [&](std::string_view why) { return ready && ready->reason == why; };
  const bool has_value = !status.token_hash.empty();
  if (token.spec.revoked) return has_value || status.previous ? Urgency::Value : Urgency::Cosmetic;
  if (!status.expires_at || rotation_request(token)) return Urgency::Value;
  if (status.rotate_at && now >= *status.rotate_at) return Urgency::Value;
  if (now >= *status.expires_at)
    return is_ready_reason(api::reason::kExpired) ? Urgency::Cosmetic : Urgency::Value;
  if (status.previous && now >= status.previous->valid_until) return Urgency::Value;
  if (!has_value)
    return is_ready_reason(api::reason::kRevoked) ? Urgency::Cosmetic : Urgency::Value;
  return status.warn_at && now >= *status.warn_at ? Urgency::Notice : Urgency::Cosmetic;
}

Urgency change_urgency(const api::ApiToken& before, const api::ApiToken& after, WallTime now) {
  if (before.meta.uid != after.meta.uid || before.meta.generation != after.meta.generation)
    return Urgency::Value;
  if (before.status.token_hash != after.status.token_hash ||
      before.status.expires_at != after.status.expires_at)
    return Urgency::Value;
  const Urgency due = token_urgency(after, now);
  return before.meta.labels == after.meta.labels ? due : more_urgent(due, Urgency::Notice);
}

bool is_status_change(const api::ApiToken& before, const api::ApiToken& after) {
  return before.meta.uid == after.meta.uid && before.meta.generation == after.meta.generation &&
         before.meta.deleted == after.meta.deleted && before.meta.labels == after.meta.labels &&
         before.meta.annotations == after.meta.annotations;
}

}  // namespace apitoken::core
