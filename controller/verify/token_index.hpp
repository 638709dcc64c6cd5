// TokenIndex: finds the ApiToken of a presented value, if the value is valid now. It follows the
// statuses in the store as its listener: reflectors and workers bring changes, the HTTPS threads
// look up. It holds hashes only, never a value, and sends no requests.
#pragma once

#include <optional>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "kube/store.hpp"
#include "verify/token_hash_table.hpp"

namespace apitoken::verify {

class TokenIndex {
 public:
  // Both outlive the index.
  TokenIndex(const kube::Store<api::ApiToken>& store, const Clock& clock)
      : store_(store), clock_(clock) {}

  // Called by the store's listener. It reads the present state from the store, because changes may
  // come out of order.
  void follow(const kube::Change<api::ApiToken>& change);

  using Found = TokenHashTable::Claim;
  // The ApiToken of a value that is valid now. A value is valid while its hash is in the status,
  // before expiresAt or previous.validUntil, if the token is neither revoked nor being deleted. If
  // several ApiTokens claim one value, by a copied status, it belongs to the oldest. Found::token
  // stays until this thread calls find() again.
  std::optional<Found> find(const core::Sha256& digest) const;
  // All ApiTokens that claim the value, valid or not; its owner first.
  std::vector<std::shared_ptr<const api::ApiToken>> claimants(const core::Sha256& digest) const;

  // The clock's time. A clock that is set back makes no expired value valid, see AgreedClock.
  WallTime now() const;

  std::size_t size() const;
  std::size_t bytes() const;

 private:
  void erase(const api::ApiToken& token) REQUIRES(mutex_);
  void insert(const api::ApiToken& token, const TokenHashTable::Kept& kept) REQUIRES(mutex_);

  const kube::Store<api::ApiToken>& store_;
  const Clock& clock_;
  mutable SharedMutex mutex_;
  TokenHashTable table_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::verify
