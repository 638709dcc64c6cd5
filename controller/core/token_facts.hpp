// TokenFacts: the conditions that the ladder of plan_token tests, each for the ApiToken and its
// Secret as they were observed. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "api/event.hpp"
#include "core/observed.hpp"
#include "core/rotation.hpp"

namespace apitoken::core {

class TokenFacts {
 protected:
  // `rotate_at`: when the automatic rotation is due, by the present spec and configs.
  TokenFacts(const Observed& observed, std::optional<WallTime> rotate_at)
      : observed_(observed),
        token_(observed.token),
        now_(observed.now),
        request_(rotation_request(observed.token)),
        rotate_at_(rotate_at) {}

  // ---- the token
  // The token has an expiry. Its value may be lost.
  bool is_issued() const { return token_.status.expires_at.has_value(); }
  // The status has the hash of a value: this value verifies until its expiry.
  bool has_value() const { return !token_.status.token_hash.empty(); }
  bool is_expired() const { return is_issued() && now_ >= *token_.status.expires_at; }
  // spec.ttlAfterExpired has passed since the expiry.
  bool ttl_after_expired_passed() const;
  // Revocation is final: true also if spec.revoked was reset past the rule that forbids that.
  bool is_revoked() const;
  // The status reports the end of the token.
  bool is_end_reported() const;
  bool has_ready_reason(std::string_view why) const;

  // ---- the value
  // spec.secret.deleteAfter has passed for the present value: it was shown once.
  bool was_shown_once() const;
  // The Secret no longer holds the value whose hash the status has.
  bool is_value_lost() const;
  // The status shows the present value, encrypted to the recipient of the present spec. People may
  // have opened it.
  bool is_value_readable_from_status() const;
  // The next value is minted in this pass. Precondition: the Secret is absent, or ours.
  bool is_minting_due() const;
  // When the next value may be minted, `pause` after the last one. Empty: now.
  std::optional<WallTime> next_minting_allowed_at(Seconds pause) const;

  // ---- the rotation
  bool is_rotation_requested() const { return request_ && request_->is_time; }
  bool is_rotation_due() const;
  // The status has the new value, the Secret still has the previous one.
  bool is_rotation_unfinished() const;
  // The Secret has not shown the present value yet, so the previous value keeps its own expiry.
  bool is_overlap_pending() const;

  // ---- the Secret
  // Precondition: there is a Secret.
  const api::ObjectMeta& secret_meta() const { return observed_.secret->secret.meta; }
  // The token is the only owner; see is_owned_by().
  bool owns_secret() const;
  // The token is one of several owners.
  bool is_secret_shared() const;
  // The token owns the Secret, or the Secret came back from a backup.
  bool may_write_secret() const;
  // Another object owns the Secret.
  bool is_secret_foreign() const;
  // A deleted ApiToken of the same name owned the Secret: the garbage collector deletes it.
  bool is_secret_of_deleted_namesake() const;
  bool is_secret_being_deleted() const;

  // An Event about the token. `fact` tells apart Events of one reason; see event_name().
  api::Event event(std::string_view why, bool warning, std::string_view action, std::string note,
                   std::string_view fact) const;

  const Observed& observed_;
  const api::ApiToken& token_;
  const WallTime now_;
  const std::optional<RotationRequest> request_;
  const std::optional<WallTime> rotate_at_;
};

}  // namespace apitoken::core
