// A hash table with linear probing. Removal shifts later slots back, so that probes stay short.
#include "verify/token_hash_table.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace apitoken::verify {
namespace {

constexpr std::size_t kFirstSize = 64;

std::uint64_t first_of(const core::Sha256& digest) {
  std::uint64_t first = 0;
  std::memcpy(&first, digest.data(), sizeof first);
  return first;
}

// Takes the same time wherever they differ.
bool equal(const core::Sha256& a, const core::Sha256& b) {
  std::array<std::uint64_t, 4> left;
  std::array<std::uint64_t, 4> right;
  std::memcpy(left.data(), a.data(), a.size());
  std::memcpy(right.data(), b.data(), b.size());
  std::uint64_t difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i) difference |= left[i] ^ right[i];
  return difference == 0;
}

bool has_hash(std::string_view hash, const core::Sha256& digest) {
  const auto parsed = core::parse_hash(hash);
  return parsed && equal(*parsed, digest);
}

bool is_older(const api::ApiToken& a, const api::ApiToken& b) {
  return std::tie(a.meta.created, a.meta.uid) < std::tie(b.meta.created, b.meta.uid);
}

bool belongs_to(const TokenHashTable::Kept& token, const api::ObjectMeta& owner) {
  const auto version = token.version();
  return version.ns == owner.ns && version.name == owner.name;
}

// The claim of `token` on a value: its status has the hash, with the time when that ends.
std::optional<TokenHashTable::Claim> claim_on(const core::Sha256& digest,
                                              const api::ApiToken& token) {
  const auto& status = token.status;
  if (has_hash(status.token_hash, digest)) {
    if (!status.expires_at) return {};
    return TokenHashTable::Claim{&token, *status.expires_at, false};
  }
  if (!status.previous || !has_hash(status.previous->token_hash, digest)) return {};
  return TokenHashTable::Claim{&token, status.previous->valid_until, true};
}

}  // namespace

void TokenHashTable::insert(const core::Sha256& digest, Kept token) {
  if ((used_ + 1) * 5 > slots_.size() * 4) resize(slots_.empty() ? kFirstSize : slots_.size() * 2);
  place({first_of(digest), std::move(token)});
  ++used_;
}

void TokenHashTable::place(Slot slot) {
  auto at = home_of(slot.first);
  while (slots_[at].token) at = next(at);
  slots_[at] = std::move(slot);
}

void TokenHashTable::resize(std::size_t size) {
  auto old = std::exchange(slots_, std::vector<Slot>(size));
  for (Slot& slot : old) {
    if (slot.token) place(std::move(slot));
  }
}

void TokenHashTable::erase(const core::Sha256& digest, const api::ObjectMeta& owner) {
  if (slots_.empty()) return;
  const auto first = first_of(digest);
  for (auto at = home_of(first); slots_[at].token; at = next(at)) {
    if (slots_[at].first != first || !belongs_to(slots_[at].token, owner)) continue;
    close_gap(at);
    --used_;
    // Far below the bound for growth, so that a table at the edge does not change its size often.
    if (slots_.size() > kFirstSize && used_ * 5 < slots_.size()) resize(slots_.size() / 2);
    return;
  }
}

// Moves slots back that could not be placed nearer to their home before.
void TokenHashTable::close_gap(std::size_t gap) {
  for (auto at = next(gap); slots_[at].token; at = next(at)) {
    const auto home = home_of(slots_[at].first);
    const auto mask = slots_.size() - 1;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;  // its home is after the gap
    slots_[gap] = std::move(slots_[at]);
    gap = at;
  }
  slots_[gap] = Slot{};
}

template <typename Visit>
void TokenHashTable::for_each_slot(const core::Sha256& digest, Visit&& visit) const {
  if (slots_.empty()) return;
  const auto first = first_of(digest);
  for (auto at = home_of(first); slots_[at].token; at = next(at)) {
    if (slots_[at].first == first) visit(slots_[at].token);
  }
}

std::optional<TokenHashTable::Claim> TokenHashTable::find(const core::Sha256& digest) const {
  // Used again by each look-up: to unpack into new memory takes four times as long.
  thread_local api::ApiToken owner;
  thread_local api::ApiToken rival;
  std::optional<Claim> found;
  for_each_slot(digest, [&](const Kept& kept) {
    const auto claim = claim_on(digest, kept.look(found ? rival : owner));
    if (!claim || (found && !is_older(rival, owner))) return;
    if (found) std::swap(owner, rival);
    found = Claim{&owner, claim->valid_until, claim->previous};
  });
  return found;
}

std::vector<std::shared_ptr<const api::ApiToken>> TokenHashTable::claimants(
    const core::Sha256& digest) const {
  std::vector<std::shared_ptr<const api::ApiToken>> tokens;
  for_each_slot(digest, [&](const Kept& kept) {
    auto token = kept.object();
    if (claim_on(digest, *token)) tokens.push_back(std::move(token));
  });
  std::ranges::sort(tokens, [](const auto& a, const auto& b) { return is_older(*a, *b); });
  return tokens;
}

}  // namespace apitoken::verify
