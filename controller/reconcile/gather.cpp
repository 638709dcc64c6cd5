// Collects the stores' objects into Observed.
#include "reconcile/gather.hpp"

#include <algorithm>

#include "api/names.hpp"
#include "core/plan_secret.hpp"
#include "core/rotation.hpp"
#include "core/token_format.hpp"

namespace apitoken::reconcile {
namespace {

std::vector<api::NoticeEntry> delivered_entries(const notify::Dispatcher& dispatcher,
                                                const api::ApiToken& token) {
  std::vector<api::NoticeEntry> entries;
  for (const notify::DeliveredNotice& notice : dispatcher.delivered(token.meta.uid)) {
    if (notice.key.expires_at != token.status.expires_at) continue;
    entries.push_back({notice.key.config, notice.key.before, notice.event_at, notice.sent_at});
  }
  return entries;
}

// Whether a Secret of somebody else had the name at the last pass. No watch shows that Secret, so
// that each pass must look whether it is still there.
bool was_in_conflict(const api::ApiToken& token) {
  const auto* ready = api::find_condition(token.status.conditions, api::condition::kReady);
  return ready && ready->reason == api::reason::kSecretConflict;
}

// Whether the token should have a Secret, by its status.
bool expects_secret(const api::ApiToken& token, WallTime now) {
  const auto& status = token.status;
  const bool lives = token.spec.revoked || (status.expires_at && now < *status.expires_at);
  const auto until = core::shown_until(token.spec, status);
  const bool was_deleted = until && now >= *until && status.delivered_at;
  return !status.token_hash.empty() && lives && !was_deleted;
}

}  // namespace

Result<std::optional<Gathered>> Gatherer::gather(const api::ObjectKey& key, std::stop_token stop) {
  auto token = stores_.tokens.get(key);
  if (!token) {
    live_.remove(key);
    return std::nullopt;
  }
  const auto ns = stores_.namespaces.get({"", key.ns});
  if (ns && ns->meta.deleted) return std::nullopt;
  TRY(live_.refresh_if_doubtful(*token, stop));
  token = stores_.tokens.get(key);
  if (!token) return std::nullopt;
  auto secret = TRY(observe_secret(*token, stop));
  auto configs = table_.snapshot();
  auto matches = matching(*configs, *token, stores_);
  const api::ApiToken& subject = *token;
  return Gathered{std::move(token), std::move(configs),
                  core::Observed{clock_.wall(), subject, std::move(secret), std::move(matches),
                                 delivered_entries(dispatcher_, subject), reserved_}};
}

Result<std::optional<core::ObservedSecret>> Gatherer::observe_secret(const api::ApiToken& token,
                                                                     std::stop_token stop) {
  const api::ObjectKey key{token.meta.ns, std::string(token.secret_name())};
  const auto known = stores_.secrets.get(key);
  // The Secret may still exist and only lack the label that we watch. So read it before the value
  // counts as lost, or a revoked value as removed.
  if (!known && (expects_secret(token, clock_.wall()) || was_in_conflict(token)))
    TRY(look_for_unwatched(own_writes_, client_, key, stop));
  auto unwatched = own_writes_.take_unwatched(key);
  if (!known && !unwatched) return std::nullopt;
  core::ObservedSecret observed{known ? *known : std::move(*unwatched), {}};
  const api::SecretMeta& secret = observed.secret;
  const auto ours = own_writes_.is_ours(secret.meta);
  observed.label_refused = ours.value_or(false) && !core::is_watched(secret);
  const bool owned = core::is_owned_by(secret, token.meta.uid) || core::is_restored(secret);
  if (!owned || secret.meta.deleted || token.status.token_hash.empty())
    return observed;  // its value decides nothing
  // Somebody else may have changed the value. Or only our view is late: after a restore of etcd the
  // watch of ApiTokens may come before that of Secrets. So the Secret is read before its value
  // counts as lost.
  const bool by_others = core::is_written_by_others(token, secret);
  const bool encrypted = core::is_encrypted(secret);
  const bool disputed =
      !core::is_annotated_with_value(token, secret) || (ours && !encrypted ? !*ours : by_others);
  if (!disputed) return observed;
  auto hash = TRY(read_value_hash(token, secret, stop));
  // An encrypted value cannot be hashed: the annotation counts, unless somebody else wrote it.
  if (encrypted) {
    if (by_others) observed.value_hash = "";
    return observed;
  }
  if (hash == token.status.token_hash) own_writes_.record(secret.meta);
  observed.value_hash = std::move(hash);
  return observed;
}

Result<std::string> Gatherer::read_value_hash(const api::ApiToken& token,
                                              const api::SecretMeta& secret, std::stop_token stop) {
  auto body = TRY(client_.get(kube::resources::kSecrets, secret.meta.key(), stop));
  const SecretString held(std::move(body));
  api::JsonParser parser;
  const auto object = TRY(parser.parse(held.reveal()));
  const auto meta = TRY(api::decode_meta(object));
  if (meta.resource_version != secret.meta.resource_version) {
    return fail(ErrorKind::Conflict, "the Secret changed while it was read");
  }
  const auto value = api::decode_secret_value(object, token.secret_key());
  return value ? core::token_hash(value->reveal()) : std::string();
}

}  // namespace apitoken::reconcile
