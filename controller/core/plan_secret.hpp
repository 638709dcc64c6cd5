// The Secret of one ApiToken: how it must be, and how the present one differs. Pure; parts of
// plan_token.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/observed.hpp"
#include "core/plan.hpp"

namespace apitoken::core {

// The ApiToken of that uid is the only owner. A Secret with several owners is foreign to all of
// them: each could write its own value.
bool is_owned_by(const api::SecretMeta& secret, std::string_view uid);

// The key that a value minted now gets, and the key that holds the value in `secret`. They differ
// from a change of spec.secret.encryptTo to the next minting.
std::string_view key_to_mint(const api::ApiToken& token);
std::string_view key_present(const api::ApiToken& token, const api::SecretMeta& secret);
bool is_encrypted(const api::SecretMeta& secret);
// managedFields says that somebody else wrote the value in `secret` last.
bool is_written_by_others(const api::ApiToken& token, const api::SecretMeta& secret);

// It has the label by which the operator watches Secrets. The watch shows no change of another one.
bool is_watched(const api::SecretMeta& secret);
// The operator wrote the Secret, and it has no owner: a backup was restored.
bool is_restored(const api::SecretMeta& secret);

// The metadata of the Secret of a token with this status.
api::ObjectMeta desired_secret(const api::ApiToken& token, const api::ApiTokenStatus& status);

// The effect that writes a minted value into the Secret of a token with this status.
WriteSecret write_secret(const Observed& observed, const api::ApiTokenStatus& status);

// The effect that keeps the previous value in the Secret; must precede write_secret(). Empty: the
// status has none, or the Secret holds another value.
std::optional<KeepPrevious> keep_previous(const Observed& observed,
                                          const api::ApiTokenStatus& status);

// The effect that repairs metadata and owner of the Secret, and removes a previous value whose
// overlap has ended. Empty: nothing differs.
std::optional<PatchSecretMetadata> repair_secret(const api::ApiToken& token,
                                                 const api::ApiTokenStatus& status,
                                                 const api::SecretMeta& secret);

// Why the Secret does not hold the value whose hash the status has: "its Secret was deleted".
// Empty: the Secret holds it.
std::string describe_loss(const Observed& observed);
// The Secret holds the previous value: a rotation has written the status only.
bool holds_previous(const Observed& observed);

// The Secret's annotation names the hash that the status has.
bool is_annotated_with_value(const api::ApiToken& token, const api::SecretMeta& secret);

}  // namespace apitoken::core
