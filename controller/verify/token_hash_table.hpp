// TokenHashTable: maps the hash of a token's value (SHA-256) to its ApiToken, in one flat array of
// 16 bytes a slot, with open addressing and linear probing. TokenIndex owns it and holds a lock
// around each call. It does not check whether a value is valid.
//
// A slot has the first bytes of the hash: they give its home, are evenly distributed, and only the
// operator inserts. The whole hash is compared with the ApiToken's status.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "api/api_token.hpp"
#include "core/hash.hpp"
#include "kube/kept.hpp"

namespace apitoken::verify {

class TokenHashTable {
 public:
  using Kept = kube::Kept<api::ApiToken>;

  struct Slot {
    std::uint64_t first = 0;  // of the hash
    Kept token;               // no object: the slot is free
  };
  // An ApiToken that has the hash in its status. `token` is unpacked into memory of the thread that
  // asked, and stays until that thread calls find() again.
  struct Claim {
    const api::ApiToken* token = nullptr;
    WallTime valid_until{};
    bool previous = false;  // the hash is of the previous value
  };

  void insert(const core::Sha256& digest, Kept token);
  // Removes the slot of `digest` for the ApiToken of that namespace and name.
  void erase(const core::Sha256& digest, const api::ObjectMeta& owner);
  // The claim on that hash. If several ApiTokens claim it, by a copied status, that of the one
  // created first; of two created in one second, that of the lesser uid.
  std::optional<Claim> find(const core::Sha256& digest) const;
  // The ApiTokens of all claims on that hash; that of find() first.
  std::vector<std::shared_ptr<const api::ApiToken>> claimants(const core::Sha256& digest) const;

  std::size_t size() const { return used_; }
  std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  std::size_t home_of(std::uint64_t first) const { return first & (slots_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  template <typename Visit>
  void for_each_slot(const core::Sha256& digest, Visit&& visit) const;
  void place(Slot slot);
  void resize(std::size_t size);
  void close_gap(std::size_t gap);

  std::vector<Slot> slots_;  // their number is a power of two, or 0 at first
  std::size_t used_ = 0;
};

}  // namespace apitoken::verify
