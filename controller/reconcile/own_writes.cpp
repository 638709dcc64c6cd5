// Remembers versions of Secrets.
#include "reconcile/own_writes.hpp"

#include "kube/decode_body.hpp"

namespace apitoken::reconcile {

void OwnWrites::record(const api::ObjectMeta& secret) {
  MutexLock lock(mutex_);
  versions_[secret.uid] = secret.resource_version;
}

std::optional<bool> OwnWrites::is_ours(const api::ObjectMeta& secret) const {
  MutexLock lock(mutex_);
  const auto found = versions_.find(secret.uid);
  if (found == versions_.end()) return {};
  return found->second == secret.resource_version;
}

void OwnWrites::remove(const std::string& uid) {
  MutexLock lock(mutex_);
  versions_.erase(uid);
}

void OwnWrites::found_unwatched(api::SecretMeta secret) {
  MutexLock lock(mutex_);
  unwatched_.insert_or_assign(secret.meta.key(), std::move(secret));
}

std::optional<api::SecretMeta> OwnWrites::take_unwatched(const api::ObjectKey& key) {
  MutexLock lock(mutex_);
  auto node = unwatched_.extract(key);
  if (node.empty()) return {};
  return std::move(node.mapped());
}

Status look_for_unwatched(OwnWrites& own_writes, kube::Client& client, const api::ObjectKey& key,
                          std::stop_token stop) {
  const auto answer = client.get(kube::resources::kSecrets, key, stop, kube::kMetadataAccept);
  if (!answer && answer.error().kind == ErrorKind::NotFound) {
    (void)own_writes.take_unwatched(key);  // what an earlier look found is gone
    return {};
  }
  auto secret = TRY(kube::decode_body(answer, api::decode_secret_meta));
  own_writes.found_unwatched(std::move(secret));
  return {};
}

}  // namespace apitoken::reconcile
