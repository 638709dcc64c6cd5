// Reads, deletes and creates the Secret.
#include "reconcile/remake_secret.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace apitoken::reconcile {
namespace {

using kube::resources::kSecrets;

void apply(const api::StringChanges& changes, api::StringMap& names) {
  for (const auto& [name, value] : changes) {
    if (value) {
      names[name] = *value;
    } else {
      names.erase(name);
    }
  }
}

// The data of the new Secret. It points to the values in `held` and in `changes`.
std::vector<api::DataChange> merge(const api::SecretData& held,
                                   std::span<const api::DataChange> changes) {
  std::vector<api::DataChange> data;
  const auto is_changed = [&](const std::string& key) {
    return std::ranges::any_of(changes,
                               [&](const api::DataChange& change) { return change.key == key; });
  };
  for (const auto& [key, value] : held) {
    if (!is_changed(key)) data.push_back({key, &value});
  }
  for (const api::DataChange& change : changes) {
    if (change.value) data.push_back(change);
  }
  return data;
}

}  // namespace

Result<std::string> remake_if_immutable(kube::Client& client, const SecretChange& change,
                                        const Error& refusal, std::stop_token stop) {
  auto body = TRY(client.get(kSecrets, change.at.key(), stop));
  const SecretString text(std::move(body));
  api::JsonParser parser;
  const auto object = TRY(parser.parse(text.reveal()));
  auto meta = TRY(api::decode_meta(object));
  if (!api::is_immutable(object) || meta.uid != change.at.uid) return std::unexpected(refusal);
  const api::SecretData held = api::decode_secret_data(object);
  const auto data = merge(held, change.data);
  apply(change.labels, meta.labels);
  apply(change.annotations, meta.annotations);
  if (!change.owners.empty()) meta.owners = change.owners;
  const auto created = api::encode_new_secret(meta, data);
  TRY(client.remove(kSecrets, meta.key(), meta.uid, meta.resource_version, stop));
  log::warn("secret was immutable, made again", {{"namespace", meta.ns}, {"name", meta.name}});
  return client.create(kSecrets, meta.ns, created.reveal(), stop, kube::kMetadataAccept);
}

}  // namespace apitoken::reconcile
