// Tests conditions of one ApiToken and its Secret.
#include "core/token_facts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "core/lifetimes.hpp"
#include "core/notices.hpp"
#include "core/plan_secret.hpp"

namespace apitoken::core {

namespace reason = api::reason;

bool TokenFacts::ttl_after_expired_passed() const {
  const auto kept = delete_after_expiry(token_.spec);
  return kept && is_issued() && now_ >= *token_.status.expires_at + *kept;
}

bool TokenFacts::is_revoked() const {
  return token_.spec.revoked || has_ready_reason(reason::kRevoked);
}

bool TokenFacts::is_end_reported() const {
  return is_revoked() || has_ready_reason(reason::kExpired);
}

bool TokenFacts::has_ready_reason(std::string_view why) const {
  const auto* ready = api::find_condition(token_.status.conditions, api::condition::kReady);
  return ready && ready->reason == why;
}

bool TokenFacts::was_shown_once() const {
  const auto until = shown_until(token_.spec, token_.status);
  return has_value() && until && !is_overlap_pending() &&
         (token_.status.delivered_at || now_ >= *until);
}

bool TokenFacts::is_value_lost() const {
  return is_issued() && has_value() && !was_shown_once() && !holds_previous(observed_) &&
         !describe_loss(observed_).empty();
}

bool TokenFacts::is_value_readable_from_status() const {
  return token_.status.has_encrypted_value && token_.spec.secret->encrypt_to &&
         token_.status.observed_generation == token_.meta.generation;
}

bool TokenFacts::is_minting_due() const {
  if (!is_issued() || is_rotation_due()) return true;
  return is_rotation_unfinished() ? !is_value_readable_from_status()
                                  : !describe_loss(observed_).empty();
}

std::optional<WallTime> TokenFacts::next_minting_allowed_at(Seconds pause) const {
  const auto issued = token_.status.issued_at;
  // issuedAt lies in the future if the clock was set back: then there is no pause.
  if (!issued || now_ < *issued || now_ >= *issued + pause) return {};
  return *issued + pause;
}

bool TokenFacts::is_rotation_due() const {
  if (!is_issued() || is_revoked()) return false;
  return is_rotation_requested() || (rotate_at_ && now_ >= *rotate_at_);
}

bool TokenFacts::is_rotation_unfinished() const {
  return holds_previous(observed_) && now_ < token_.status.previous->valid_until;
}

bool TokenFacts::is_overlap_pending() const {
  return token_.status.previous && !token_.status.previous->replaced_at;
}

bool TokenFacts::owns_secret() const {
  return observed_.secret && is_owned_by(observed_.secret->secret, token_.meta.uid);
}

bool TokenFacts::is_secret_shared() const {
  return observed_.secret && secret_meta().owners.size() > 1 &&
         std::ranges::find(secret_meta().owners, token_.meta.uid, &api::OwnerReference::uid) !=
             secret_meta().owners.end();
}

bool TokenFacts::may_write_secret() const {
  return owns_secret() || (observed_.secret && is_restored(observed_.secret->secret));
}

bool TokenFacts::is_secret_foreign() const {
  return observed_.secret && !may_write_secret() && !is_secret_of_deleted_namesake();
}

bool TokenFacts::is_secret_of_deleted_namesake() const {
  if (!observed_.secret || may_write_secret() || secret_meta().owners.size() != 1) return false;
  const api::OwnerReference& owner = secret_meta().owners.front();
  return owner.kind == api::kApiTokenKind && owner.api_version.starts_with(api::kGroup) &&
         owner.name == token_.meta.name;
}

bool TokenFacts::is_secret_being_deleted() const {
  return observed_.secret && secret_meta().deleted;
}

api::Event TokenFacts::event(std::string_view why, bool warning, std::string_view action,
                             std::string note, std::string_view fact) const {
  return {token_.meta.ns,
          event_name(token_.meta.name, fmt::format("{}|{}|{}", token_.meta.uid, why, fact)),
          {std::string(api::kApiVersion), std::string(api::kApiTokenKind), token_.meta.ns,
           token_.meta.name, token_.meta.uid},
          warning,
          std::string(why),
          std::string(action),
          std::move(note)};
}

}  // namespace apitoken::core
