// What is true of an ApiToken as it was observed: the questions that the ladder of plan_token asks.
// Pure.
#pragma once

#include <optional>
#include <string_view>

#include "api/event.hpp"
#include "core/observed.hpp"
#include "core/rotation.hpp"

namespace apitoken::core {

class TokenFacts {
 protected:
  explicit TokenFacts(const Observed& observed)
      : observed_(observed),
        token_(observed.token),
        now_(observed.now),
        request_(rotation_request(observed.token)) {}

  // It has its life; its value may be lost.
  bool is_issued() const { return token_.status.expires_at.has_value(); }
  bool has_value() const { return !token_.status.token_hash.empty(); }
  bool is_expired() const { return token_.status.expires_at && now_ >= *token_.status.expires_at; }
  // For good: also where spec.revoked was taken back past the rule that forbids it.
  bool is_revoked() const;
  // The status has the new value, the Secret still the previous one.
  bool is_rotation_unfinished() const;
  // The present value stands encrypted in the status, for the recipient that the spec names: people
  // may have opened it.
  bool is_value_readable() const;
  // ttlAfterExpired has passed.
  bool ttl_after_expired_passed() const;
  // Before it is deleted, it is said to have ended.
  bool is_end_reported() const;
  // Shown once: the Secret had its time.
  bool was_shown_once() const;
  bool is_value_lost() const;
  // The present value was never seen in the Secret: the previous one lives to its own expiry.
  bool is_overlap_ahead() const;
  // When the next value may be minted, where `pause` since the last one is not over.
  std::optional<WallTime> too_soon_before(Seconds pause) const;
  bool is_ready_reason(std::string_view why) const;

  const api::ObjectMeta& secret_meta() const { return observed_.secret->secret.meta; }
  // Alone: see is_owned_by().
  bool owns_secret() const;
  bool is_secret_shared() const;
  // Owned, or restored from a backup: it may be written and deleted.
  bool may_write_secret() const;
  bool is_secret_foreign() const;
  bool is_secret_leaving() const;

  // `fact` tells apart what may happen to one token more than once.
  api::Event event(std::string_view why, bool warning, std::string_view action, std::string note,
                   std::string_view fact) const;

  const Observed& observed_;
  const api::ApiToken& token_;
  const WallTime now_;
  const std::optional<RotationRequest> request_;

 private:
  bool is_of_deleted_namesake() const;
};

}  // namespace apitoken::core
