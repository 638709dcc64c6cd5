// Compares the desired Secret with the present one.
#include "core/plan_secret.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/names.hpp"
#include "base/rfc3339.hpp"
#include "core/recipient.hpp"
#include "core/rotation.hpp"

namespace apitoken::core {
namespace {

constexpr std::array kPreviousKeys{api::kPreviousKey, api::kPreviousCmsKey, api::kPreviousJweKey};

bool holds(const std::vector<std::string>& keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

api::StringChanges differences(const api::StringMap& desired, const api::StringMap& present,
                               const std::vector<std::string>& ours) {
  api::StringChanges changes;
  for (const auto& [name, value] : desired) {
    const auto found = present.find(name);
    if (found == present.end() || found->second != value) changes.emplace(name, value);
  }
  for (const std::string& name : ours) {
    if (!desired.contains(name) && present.contains(name)) changes.emplace(name, std::nullopt);
  }
  return changes;
}

// The hash of the value in the Secret: its annotation, or what was read and hashed if somebody else
// may have written the value.
std::string_view hash_present(const ObservedSecret& observed) {
  if (observed.value_hash) return *observed.value_hash;
  const auto& annotations = observed.secret.meta.annotations;
  const auto found = annotations.find(api::kTokenHashAnnotation);
  return found == annotations.end() ? std::string_view() : std::string_view(found->second);
}

// Without an overlap the Secret does not keep the previous value.
bool keeps_previous(const api::ApiToken& token, const api::ApiTokenStatus& status) {
  return status.previous && overlap(token.spec) > Seconds(0);
}

}  // namespace

bool is_owned_by(const api::SecretMeta& secret, std::string_view uid) {
  return secret.meta.owners.size() == 1 && secret.meta.owners.front().uid == uid;
}

std::string_view key_to_mint(const api::ApiToken& token) {
  const auto& recipient = token.spec.secret->encrypt_to;
  return recipient ? encrypted_key(*recipient) : token.secret_key();
}

bool is_encrypted(const api::SecretMeta& secret) {
  return holds(secret.data_keys_ours, api::kCmsKey) || holds(secret.data_keys_ours, api::kJweKey);
}

bool is_watched(const api::SecretMeta& secret) {
  const auto label = secret.meta.labels.find(api::kManagedByLabel);
  return label != secret.meta.labels.end() && label->second == api::kManagedBy;
}

bool is_restored(const api::SecretMeta& secret) {
  return secret.meta.owners.empty() && is_watched(secret) &&
         secret.meta.annotations.contains(api::kTokenHashAnnotation);
}

std::string_view key_present(const api::ApiToken& token, const api::SecretMeta& secret) {
  if (!is_encrypted(secret)) return token.secret_key();
  return holds(secret.data_keys_ours, api::kJweKey) ? api::kJweKey : api::kCmsKey;
}

bool is_written_by_others(const api::ApiToken& token, const api::SecretMeta& secret) {
  const auto key = key_present(token, secret);
  return !holds(secret.data_keys_ours, key) || holds(secret.data_keys_others, key);
}

api::ObjectMeta desired_secret(const api::ApiToken& token, const api::ApiTokenStatus& status) {
  api::ObjectMeta meta;
  meta.ns = token.meta.ns;
  meta.name = token.secret_name();
  meta.labels = token.spec.secret->labels;
  meta.labels[std::string(api::kManagedByLabel)] = api::kManagedBy;
  meta.annotations = token.spec.secret->annotations;
  const auto annotate = [&](std::string_view name, std::string value) {
    meta.annotations[std::string(name)] = std::move(value);
  };
  annotate(api::kExpiresAtAnnotation, format_rfc3339(*status.expires_at));
  annotate(api::kIssuedAtAnnotation, format_rfc3339(status.issued_at.value_or(*status.expires_at)));
  annotate(api::kTokenIdAnnotation, status.token_id);
  annotate(api::kTokenHashAnnotation, status.token_hash);
  annotate(api::kUserAnnotation, token.spec.user);
  annotate(api::kRevisionAnnotation, fmt::format("{}", status.revision));
  meta.owners = {{std::string(api::kApiVersion), std::string(api::kApiTokenKind), token.meta.name,
                  token.meta.uid}};
  return meta;
}

WriteSecret write_secret(const Observed& observed, const api::ApiTokenStatus& status) {
  const api::ApiToken& token = observed.token;
  WriteSecret write{desired_secret(token, status), std::string(key_to_mint(token)), {}, {}};
  // The executor sets these two from the minted value.
  for (const auto name : {api::kTokenIdAnnotation, api::kTokenHashAnnotation})
    write.secret.annotations.erase(std::string(name));
  if (!observed.secret) return write;
  const api::SecretMeta& secret = observed.secret->secret;
  write.at = secret.meta;
  const auto present = key_present(token, secret);
  const auto kept = keeps_previous(token, status) ? previous_key(present) : std::string_view();
  const auto remove = [&](std::string_view key) {
    if (holds(secret.data_keys_ours, key) && key != write.key && key != kept)
      write.keys_gone.emplace_back(key);
  };
  remove(present);
  for (const auto key : kPreviousKeys) remove(key);
  return write;
}

// The executor checks the hash of a value in clear. For an encrypted value only the annotation can
// be checked, here.
std::optional<KeepPrevious> keep_previous(const Observed& observed,
                                          const api::ApiTokenStatus& status) {
  if (!keeps_previous(observed.token, status) || !observed.secret) return {};
  const api::SecretMeta& secret = observed.secret->secret;
  if (is_encrypted(secret) && hash_present(*observed.secret) != status.previous->token_hash)
    return {};
  return KeepPrevious{secret.meta, std::string(key_present(observed.token, secret)),
                      status.previous->token_hash};
}

std::optional<PatchSecretMetadata> repair_secret(const api::ApiToken& token,
                                                 const api::ApiTokenStatus& status,
                                                 const api::SecretMeta& secret) {
  const api::ObjectMeta desired = desired_secret(token, status);
  PatchSecretMetadata patch{
      secret.meta,
      differences(desired.labels, secret.meta.labels, secret.label_keys_ours),
      differences(desired.annotations, secret.meta.annotations, secret.annotation_keys_ours),
      {},
      {}};
  if (is_restored(secret)) patch.owners = desired.owners;
  // A previous value verifies only if the operator wrote it.
  for (const auto key : kPreviousKeys) {
    const bool ours = holds(secret.data_keys_ours, key);
    const bool there = ours || holds(secret.data_keys_others, key);
    if (there && !(status.previous && ours)) patch.keys_gone.emplace_back(key);
  }
  if (patch.labels.empty() && patch.annotations.empty() && patch.keys_gone.empty() &&
      patch.owners.empty())
    return {};
  return patch;
}

std::string describe_loss(const Observed& observed) {
  const auto& token = observed.token;
  if (!observed.secret) return "its Secret was deleted";
  const auto present = hash_present(*observed.secret);
  if (!present.empty() && present == token.status.token_hash) return "";
  if (is_restored(observed.secret->secret))
    return "its Secret was restored from a backup with another value";
  if (!observed.secret->value_hash) return "its Secret holds another one";
  if (!observed.secret->value_hash->empty()) return "somebody changed it in its Secret";
  return fmt::format("key {} left its Secret", key_present(token, observed.secret->secret));
}

bool holds_previous(const Observed& observed) {
  const auto& previous = observed.token.status.previous;
  return previous && observed.secret && hash_present(*observed.secret) == previous->token_hash;
}

bool is_annotated_with_value(const api::ApiToken& token, const api::SecretMeta& secret) {
  const auto annotated = secret.meta.annotations.find(api::kTokenHashAnnotation);
  return annotated != secret.meta.annotations.end() && annotated->second == token.status.token_hash;
}

}  // namespace apitoken::core
