// Plan: what to do about one object, as data: effects in the order in which they must be carried
// out, and when to plan again. reconcile/execute carries it out and stops at the first effect that
// fails; the next pass observes what happened. Values. A plan prints as text: tests/cases compares
// that text, --dry-run logs it.
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

// Reads the present value from the Secret, for WriteSecret to keep it there as the previous value.
// Fails with Conflict if the Secret is no longer at version `at`: a stale view must not rotate. So
// this effect precedes all writes.
struct KeepPrevious {
  api::ObjectMeta at;
  std::string key;   // the key that holds the value
  std::string hash;  // the value's token hash; checked only if the value is in clear
};
// Mints the value that the following effects write. With a recipient they write it encrypted, the
// same text into Secret and status.encryptedValue, and the value itself is wiped at once.
struct MintToken {
  std::optional<JwtClaims> jwt;  // absent: an Opaque token
  bool rotates = false;          // for metrics: a rotation, not a first or a replaced value
  std::string encrypt_to;        // certificate or JWK; empty: in clear
};
// Reads status.encryptedValue of the ApiToken in place of minting a value. Fails with Conflict if
// the ApiToken has changed since the plan was made.
struct ReadEncryptedValue {};
// Writes the value into the Secret and adds the annotations token-id and token-hash. Also writes a
// value that KeepPrevious has read, under the previous key.
struct WriteSecret {
  api::ObjectMeta secret;              // the metadata that the Secret gets
  std::string key;                     // the key that the value gets
  std::optional<api::ObjectMeta> at;   // the version to patch; absent: create the Secret
  std::vector<std::string> keys_gone;  // keys to remove
};
struct PatchSecretMetadata {
  api::ObjectMeta at;
  api::StringChanges labels;
  api::StringChanges annotations;
  std::vector<std::string> keys_gone;       // previous values to remove, their overlap has ended
  std::vector<api::OwnerReference> owners;  // new owners of an adopted Secret; empty: no change
};
// Patches the status. ID, hash, hint and encrypted value of a minted value replace those of
// `status`. Notices that this plan has delivered are added to its ledger.
struct PatchStatus {
  api::ApiTokenStatus status;
};
struct DeleteSecret {
  api::ObjectMeta at;
};
struct DeleteToken {};
// Posts an Event. If the plan has minted a value, "API token <ID> " precedes the note.
struct PostEvent {
  api::Event event;
  bool repeatable = false;  // the same Event again increases its series
};
// Submits a notice to the dispatcher. `before_status`: its Event is its only delivery, and a
// PatchStatus follows: if the Event can be written at once, that patch enters the notice in the
// ledger too.
struct SubmitNotice {
  Notice notice;
  ConfigRoute route;
  bool before_status = false;
};
// Cancels all pending notices about this token.
struct CancelNotices {};

using Effect =
    std::variant<KeepPrevious, MintToken, ReadEncryptedValue, WriteSecret, PatchSecretMetadata,
                 PatchStatus, DeleteSecret, DeleteToken, PostEvent, SubmitNotice, CancelNotices>;

struct Plan {
  std::vector<Effect> effects;
  std::optional<WallTime> wake_at;        // plan again then
  Urgency wake_urgency = Urgency::Value;  // of what is due at wake_at
  bool retry = false;  // plan again with backoff: no watch event reports the change waited for
};

// One line for each effect, then "wake <time>" and "retry" if they apply. Contains no token value.
std::string to_text(const Plan& plan);

}  // namespace apitoken::core
