// Versions of Secrets that hold what we wrote.
#include "reconcile/secret_trust.hpp"

namespace apitoken::reconcile {

void SecretTrust::trust(const api::ObjectMeta& secret) {
  std::lock_guard lock(mutex_);
  versions_[secret.uid] = secret.resource_version;
}

std::optional<bool> SecretTrust::trusts(const api::ObjectMeta& secret) const {
  std::lock_guard lock(mutex_);
  const auto found = versions_.find(secret.uid);
  if (found == versions_.end()) return {};
  return found->second == secret.resource_version;
}

void SecretTrust::forget(const std::string& uid) {
  std::lock_guard lock(mutex_);
  versions_.erase(uid);
}

void SecretTrust::found_outside(api::SecretMeta secret) {
  std::lock_guard lock(mutex_);
  outside_.insert_or_assign(secret.meta.key(), std::move(secret));
}

std::optional<api::SecretMeta> SecretTrust::take_outside(const api::ObjectKey& key) {
  std::lock_guard lock(mutex_);
  auto node = outside_.extract(key);
  if (node.empty()) return {};
  return std::move(node.mapped());
}

Status look_outside(SecretTrust& trust, kube::Client& client, const api::ObjectKey& key,
                    std::stop_token stop) {
  const auto answer = client.get(kube::resources::kSecrets, key, stop, kube::kMetadataAccept);
  if (!answer && answer.error().kind == ErrorKind::NotFound) return {};
  if (!answer) return std::unexpected(answer.error());
  api::JsonParser parser;
  const auto object = parser.parse(*answer);
  if (!object) return std::unexpected(object.error());
  auto secret = api::decode_secret_meta(*object);
  if (!secret) return std::unexpected(secret.error());
  trust.found_outside(std::move(*secret));
  return {};
}

}  // namespace apitoken::reconcile
