// Keeps the table of hashes in step with the statuses.
#include "verify/token_index.hpp"

#include <algorithm>
#include <mutex>

namespace apitoken::verify {

void TokenIndex::follow(const kube::Change<api::ApiToken>& change) {
  const auto& any = change.after ? change.after : change.before;
  // Reads the store under our lock, so that of two changes of one object the second call sees the
  // newer state.
  const std::unique_lock lock(mutex_);
  if (change.before) erase(*change.before);
  if (change.after) erase(*change.after);
  const auto kept = store_.kept(any->meta.key());
  if (const auto present = kept.object()) {
    erase(*present);
    insert(*present, kept);
  }
}

void TokenIndex::erase(const api::ApiToken& token) {
  if (const auto digest = core::parse_hash(token.status.token_hash))
    table_.erase(*digest, token.meta);
  if (!token.status.previous) return;
  if (const auto digest = core::parse_hash(token.status.previous->token_hash))
    table_.erase(*digest, token.meta);
}

void TokenIndex::insert(const api::ApiToken& token, const TokenHashTable::Kept& kept) {
  const auto& status = token.status;
  if (token.spec.revoked || token.meta.deleted) return;
  const auto digest = core::parse_hash(status.token_hash);
  if (digest && status.expires_at) table_.insert(*digest, kept);
  if (!status.previous || status.previous->token_hash == status.token_hash) return;
  if (const auto previous = core::parse_hash(status.previous->token_hash))
    table_.insert(*previous, kept);
}

std::optional<TokenIndex::Found> TokenIndex::find(const core::Sha256& digest) const {
  const auto time = now();
  const std::shared_lock lock(mutex_);
  auto found = table_.find(digest);
  if (found && time >= found->valid_until) return {};
  return found;
}

std::vector<std::shared_ptr<const api::ApiToken>> TokenIndex::claimants(
    const core::Sha256& digest) const {
  const std::shared_lock lock(mutex_);
  return table_.claimants(digest);
}

WallTime TokenIndex::now() const { return clock_.wall(); }

std::size_t TokenIndex::size() const {
  const std::shared_lock lock(mutex_);
  return table_.size();
}

std::size_t TokenIndex::bytes() const {
  const std::shared_lock lock(mutex_);
  return table_.bytes();
}

}  // namespace apitoken::verify
