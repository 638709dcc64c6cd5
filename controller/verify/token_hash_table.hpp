// TokenHashTable: maps the hash of a token's value (SHA-256) to its ApiToken, in one flat array of
// 64 bytes a slot, with open addressing and linear probing. TokenIndex owns it and holds a lock
// around each call. It does not check whether a value is valid.
//
// A slot's home is given by the first bytes of the token hash: they are evenly distributed, and
// only the operator inserts.
#pragma once

#include <memory>
#include <vector>

#include "api/api_token.hpp"
#include "core/hash.hpp"

namespace apitoken::verify {

class TokenHashTable {
 public:
  struct Slot {
    core::Sha256 digest{};
    std::shared_ptr<const api::ApiToken> token;  // null: the slot is free
    WallTime valid_until{};
    bool previous = false;  // the hash is of the previous value
  };

  void insert(Slot slot);
  // Removes the slot of `digest` for the ApiToken of that namespace and name.
  void erase(const core::Sha256& digest, const api::ObjectMeta& owner);
  // The slot with that hash; null if there is none. If several ApiTokens claim it, by a copied
  // status, the slot of the one created first; of two created in one second, that of the lesser
  // uid. Reads the same slots in the same way whether it finds one or not.
  const Slot* find(const core::Sha256& digest) const;
  // The ApiTokens of all slots with that hash; that of find() first.
  std::vector<std::shared_ptr<const api::ApiToken>> claimants(const core::Sha256& digest) const;

  std::size_t size() const { return used_; }
  std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  std::size_t home_of(const core::Sha256& digest) const;
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  void place(Slot slot);
  void grow();
  void close_gap(std::size_t gap);

  std::vector<Slot> slots_;  // their number is a power of two, or 0 at first
  std::size_t used_ = 0;
};

}  // namespace apitoken::verify
