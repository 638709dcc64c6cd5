// The Secret of one ApiToken as it shall be, and what differs from that. Pure; parts of plan_token.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/observed.hpp"
#include "core/plan.hpp"

namespace apitoken::core {

// Whether the Secret belongs to the ApiToken of that uid and to nobody else. One with several
// owners is foreign to all of them: each could put its own value into it.
bool is_owned_by(const api::SecretMeta& secret, std::string_view uid);

// The key under which a value minted now stands, and the one under which the value in `secret`
// stands. They differ after spec.secret.encryptTo came or went, until the next minting.
std::string_view key_to_mint(const api::ApiToken& token);
std::string_view key_present(const api::ApiToken& token, const api::SecretMeta& secret);
bool is_encrypted(const api::SecretMeta& secret);
// Somebody else wrote the value in `secret` last, by its managedFields.
bool is_written_by_others(const api::ApiToken& token, const api::SecretMeta& secret);

// The operator wrote it once, and it has no owner: it came back from a backup.
bool is_restored(const api::SecretMeta& secret);

// The Secret's metadata for a token with this status.
api::ObjectMeta desired_secret(const api::ApiToken& token, const api::ApiTokenStatus& status);

// Puts a value that is drawn into the Secret, for a token with this status.
WriteSecret write_secret(const Observed& observed, const api::ApiTokenStatus& status);

// Before that, where the status has a previous value: what the Secret holds of it stays.
std::optional<KeepPrevious> keep_previous(const Observed& observed,
                                          const api::ApiTokenStatus& status);

// Repairs the metadata of the Secret, owner included, and removes a previous value whose time is
// over. Nothing: it is right.
std::optional<PatchSecretMetadata> repair_secret(const api::ApiToken& token,
                                                 const api::ApiTokenStatus& status,
                                                 const api::SecretMeta& secret);

// Why the Secret does not hold the value whose hash the status has. Empty: it does.
std::string describe_loss(const Observed& observed);
// The Secret holds the former value: a rotation got no further than the status.
bool holds_previous(const Observed& observed);

// Whether the value in the Secret has to be read and hashed before planning: somebody else may have
// written it last.
bool must_read_value(const api::ApiToken& token, const api::SecretMeta& secret);

}  // namespace apitoken::core
