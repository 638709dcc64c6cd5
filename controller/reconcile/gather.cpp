// From stores to Observed.
#include "reconcile/gather.hpp"

#include <algorithm>

#include "core/plan_secret.hpp"
#include "core/rotation.hpp"
#include "core/token_format.hpp"

namespace apitoken::reconcile {
namespace {

std::vector<api::NoticeEntry> told_entries(const notify::Dispatcher& dispatcher,
                                           const api::ApiToken& token) {
  std::vector<api::NoticeEntry> entries;
  for (const notify::DeliveredNotice& told : dispatcher.delivered(token.meta.uid)) {
    if (told.key.expires_at != token.status.expires_at) continue;
    entries.push_back({told.key.config, told.key.before, told.event_at, told.sent_at});
  }
  return entries;
}

// By its status there is one.
bool expects_secret(const api::ApiToken& token, WallTime now) {
  const auto& status = token.status;
  const bool lives = token.spec.revoked || (status.expires_at && now < *status.expires_at);
  const auto delivered = core::shown_until(token.spec, status);
  return !status.token_hash.empty() && lives && !(delivered && now >= *delivered);
}

}  // namespace

Result<std::optional<Gathered>> Gatherer::gather(const api::ObjectKey& key, std::stop_token stop) {
  auto token = stores_.tokens.get(key);
  if (!token) return std::nullopt;
  const auto ns = stores_.namespaces.get({"", key.ns});
  if (ns && ns->meta.deleted) return std::nullopt;
  if (const Status settled = live_.settle(*token, stop); !settled)
    return std::unexpected(settled.error());
  token = stores_.tokens.get(key);
  if (!token) return std::nullopt;
  auto secret = observe_secret(*token, stop);
  if (!secret) return std::unexpected(secret.error());
  auto configs = table_.snapshot();
  auto matches = matching(*configs, *token, stores_);
  const api::ApiToken& subject = *token;
  return Gathered{std::move(token), std::move(configs),
                  core::Observed{clock_.wall(), subject, std::move(*secret), std::move(matches),
                                 told_entries(dispatcher_, subject), reserved_}};
}

Result<std::optional<core::ObservedSecret>> Gatherer::observe_secret(const api::ApiToken& token,
                                                                     std::stop_token stop) {
  const api::ObjectKey key{token.meta.ns, std::string(token.secret_name())};
  const auto known = stores_.secrets.get(key);
  // Before a value is said to be lost, or a revoked one to be gone: the Secret may only lack the
  // label that it is watched by.
  if (!known && expects_secret(token, clock_.wall())) {
    if (const Status looked = look_for_unwatched(own_writes_, client_, key, stop); !looked)
      return std::unexpected(looked.error());
  }
  auto unwatched = own_writes_.take_unwatched(key);
  if (!known && !unwatched) return std::nullopt;
  core::ObservedSecret observed{known ? *known : std::move(*unwatched), {}};
  const api::SecretMeta& secret = observed.secret;
  const bool owned = core::is_owned_by(secret, token.meta.uid) || core::is_restored(secret);
  if (!owned || secret.meta.deleted || token.status.token_hash.empty())
    return observed;                 // its value decides nothing
  if (core::is_encrypted(secret)) {  // there is no value to hash: the annotation counts, unless
                                     // somebody else wrote
    if (core::is_written_by_others(token, secret)) observed.value_hash = "";
    return observed;
  }
  const auto trusted = own_writes_.is_ours(secret.meta);
  const bool suspect = trusted ? !*trusted : core::must_read_value(token, secret);
  if (!suspect) return observed;
  auto hash = read_value_hash(token, secret, stop);
  if (!hash) return std::unexpected(hash.error());
  if (*hash == token.status.token_hash) own_writes_.record(secret.meta);
  observed.value_hash = std::move(*hash);
  return observed;
}

Result<std::string> Gatherer::read_value_hash(const api::ApiToken& token,
                                              const api::SecretMeta& secret, std::stop_token stop) {
  auto body = client_.get(kube::resources::kSecrets, secret.meta.key(), stop);
  if (!body) return std::unexpected(body.error());
  const SecretString held(std::move(*body));
  api::JsonParser parser;
  const auto object = parser.parse(held.reveal());
  if (!object) return std::unexpected(object.error());
  const auto meta = api::decode_meta(*object);
  if (!meta) return std::unexpected(meta.error());
  if (meta->resource_version != secret.meta.resource_version) {
    return fail(ErrorKind::Conflict, "the Secret changed while it was read");
  }
  const auto value = api::decode_secret_value(*object, token.secret_key());
  return value ? core::token_hash(value->reveal()) : std::string();
}

}  // namespace apitoken::reconcile
