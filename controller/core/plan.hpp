// Plan: what is to be done about one object, as data, in the order in which it must be done, and
// when to look again. The plan prints as text: cases compare it, --dry-run shows it. An effect that
// fails ends the plan; its outcome is not handed back, the next pass observes it.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/api_token.hpp"
#include "api/event.hpp"
#include "api/secret.hpp"
#include "base/urgency.hpp"
#include "core/jwt.hpp"
#include "core/notices.hpp"

namespace apitoken::core {

// Draws the value that the effects after it write. With a recipient they write it encrypted: the
// same text into the Secret and into status.encryptedValue, and the value itself is wiped at once.
struct MintToken {
  std::optional<JwtClaims> jwt;  // absent: Opaque
  bool rotates = false;          // for the metrics: a new life, not the first value or a lost one
  std::string encrypt_to;        // certificate or JWK; empty: the value stands in clear
};
// Takes status.encryptedValue of the ApiToken, which must still be at the version that was planned
// for, in place of a drawn value: a rotation got no further than the status, where people may have
// opened it.
struct ReadEncryptedValue {};
// Reads the Secret, which must still be at that version, for the value that stays in it as the
// previous one. It comes before any write: a view that is stale must not rotate.
struct KeepPrevious {
  api::ObjectMeta at;
  std::string key;   // under which it stands
  std::string hash;  // what it must hash to; not asked of an encrypted one
};
// Puts the drawn value into the Secret: a new one, or where `at` names uid and resourceVersion into
// the one that is there. token-id and token-hash join the annotations as they were drawn. A former
// value that was read goes along.
struct WriteSecret {
  api::ObjectMeta secret;  // namespace, name, labels, annotations, owners as they shall be
  std::string key;
  std::optional<api::ObjectMeta> at;
  std::vector<std::string> keys_gone;  // of ours, without the one that a former value goes to
};
struct PatchSecretMetadata {
  api::ObjectMeta at;
  api::StringChanges labels;
  api::StringChanges annotations;
  std::vector<std::string> keys_gone;  // of data: a previous value whose time is over
  std::vector<api::OwnerReference>
      owners;  // of a Secret that is adopted; empty: they stay as they are
};
// Ids, hash and hint of a value that was drawn in the same plan take their places in `status`, and
// so does the encrypted value.
struct PatchStatus {
  api::ApiTokenStatus status;
};
struct DeleteSecret {
  api::ObjectMeta at;
};
struct DeleteToken {};
// After a minting in the same plan "API token <ID> " goes in front of the note.
struct PostEvent {
  api::Event event;
  bool repeatable = false;
};
struct SubmitNotice {
  Notice notice;
  ConfigRoute route;
};
// Cancels all pending notices of this token.
struct CancelNotices {};

using Effect =
    std::variant<KeepPrevious, MintToken, ReadEncryptedValue, WriteSecret, PatchSecretMetadata,
                 PatchStatus, DeleteSecret, DeleteToken, PostEvent, SubmitNotice, CancelNotices>;

struct Plan {
  std::vector<Effect> effects;
  std::optional<WallTime> wake_at;
  Urgency wake_urgency = Urgency::Value;  // of what is due at wake_at
  bool retry = false;  // nothing will tell us when it can go on: look again with backoff
};

// One line an effect, then "wake <time>" and "retry" where they apply. No value appears: a plan
// holds none.
std::string to_text(const Plan& plan);

}  // namespace apitoken::core
