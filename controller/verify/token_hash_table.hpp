// TokenHashTable: from the SHA-256 of a token's value to the ApiToken whose value it is, in one
// flat array of 64 bytes a slot, open addressing, linear probing. TokenIndex owns it and holds a
// lock around each call. It judges nothing.
//
// Digests are evenly spread by nature and only the operator puts any in, so their first bytes are
// the hash.
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
    bool previous = false;  // the value before the present one
  };

  void insert(Slot slot);
  // Takes away what stands under `digest` for an ApiToken of that namespace and name.
  void erase(const core::Sha256& digest, const api::ObjectMeta& owner);
  // The slot with that digest; null where there is none. Where several ApiTokens claim it, by a
  // copied status, the slot of the one that was created first, of two of one second that of the
  // lesser uid. Looks at the same slots in the same way whether it finds something or not.
  const Slot* find(const core::Sha256& digest) const;
  // The ApiTokens of all slots with that digest, that of find() first.
  std::vector<std::shared_ptr<const api::ApiToken>> claimants(const core::Sha256& digest) const;

  std::size_t size() const { return used_; }
  std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  std::size_t home_of(const core::Sha256& digest) const;
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  void place(Slot slot);
  void grow();
  void close_gap(std::size_t gap);

  std::vector<Slot> slots_;  // a power of two, or none at first
  std::size_t used_ = 0;
};

}  // namespace apitoken::verify
