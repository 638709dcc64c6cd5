// TokenIndex: which presented value belongs to which ApiToken, and whether it is valid now. Built
// from the statuses in the store, as its listener: reflectors and workers bring changes, the HTTPS
// threads look up. It knows hashes only, never a value, and asks the API server nothing.
#pragma once

#include <optional>
#include <shared_mutex>

#include "base/clock.hpp"
#include "kube/store.hpp"
#include "verify/token_hash_table.hpp"

namespace apitoken::verify {

class TokenIndex {
 public:
  // Both outlive the index.
  TokenIndex(const kube::Store<api::ApiToken>& store, const Clock& clock)
      : store_(store), clock_(clock) {}

  // For the store's listener. The present state counts, whatever `change` says: changes may come
  // out of order.
  void follow(const kube::Change<api::ApiToken>& change);

  struct Found {
    std::shared_ptr<const api::ApiToken> token;
    WallTime valid_until{};
    bool previous = false;  // the value before the last rotation
  };
  // The ApiToken of a value that is valid now. A value is valid while its hash stands in the
  // status, before expiresAt or previous.validUntil, and neither revocation nor deletion was asked
  // for. Of several ApiTokens that claim one value, by a copied status, the older has it.
  std::optional<Found> find(const core::Sha256& digest) const;
  // All that claim it, whether it is valid or not, the one that has it first.
  std::vector<std::shared_ptr<const api::ApiToken>> claimants(const core::Sha256& digest) const;

  // The clock's time: a clock that is set back revives nothing, see AgreedClock.
  WallTime now() const;

  std::size_t size() const;
  std::size_t bytes() const;

 private:
  // The caller holds mutex_ alone.
  void erase(const api::ApiToken& token);
  void insert(const std::shared_ptr<const api::ApiToken>& token);

  const kube::Store<api::ApiToken>& store_;
  const Clock& clock_;
  mutable std::shared_mutex mutex_;
  TokenHashTable table_;  // guarded by mutex_
};

}  // namespace apitoken::verify
