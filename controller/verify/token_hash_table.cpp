// Linear probing with removal by shifting back: no tombstones, so that probes stay short whatever
// comes and goes.
#include "verify/token_hash_table.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace apitoken::verify {
namespace {

constexpr std::size_t kFirstSize = 64;

// In the same time wherever they differ.
bool equal(const core::Sha256& a, const core::Sha256& b) {
  std::array<std::uint64_t, 4> left;
  std::array<std::uint64_t, 4> right;
  std::memcpy(left.data(), a.data(), a.size());
  std::memcpy(right.data(), b.data(), b.size());
  std::uint64_t difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i) difference |= left[i] ^ right[i];
  return difference == 0;
}

bool is_older(const api::ApiToken& a, const api::ApiToken& b) {
  return std::tie(a.meta.created, a.meta.uid) < std::tie(b.meta.created, b.meta.uid);
}

bool belongs_to(const api::ApiToken& token, const api::ObjectMeta& owner) {
  return token.meta.ns == owner.ns && token.meta.name == owner.name;
}

}  // namespace

std::size_t TokenHashTable::home_of(const core::Sha256& digest) const {
  std::uint64_t first = 0;
  std::memcpy(&first, digest.data(), sizeof first);
  return static_cast<std::size_t>(first) & (slots_.size() - 1);
}

void TokenHashTable::insert(Slot slot) {
  if ((used_ + 1) * 5 > slots_.size() * 4) grow();
  place(std::move(slot));
  ++used_;
}

void TokenHashTable::place(Slot slot) {
  auto at = home_of(slot.digest);
  while (slots_[at].token) at = next(at);
  slots_[at] = std::move(slot);
}

void TokenHashTable::grow() {
  auto former =
      std::exchange(slots_, std::vector<Slot>(slots_.empty() ? kFirstSize : slots_.size() * 2));
  for (Slot& slot : former) {
    if (slot.token) place(std::move(slot));
  }
}

void TokenHashTable::erase(const core::Sha256& digest, const api::ObjectMeta& owner) {
  if (slots_.empty()) return;
  for (auto at = home_of(digest); slots_[at].token; at = next(at)) {
    if (!equal(slots_[at].digest, digest) || !belongs_to(*slots_[at].token, owner)) continue;
    close_gap(at);
    --used_;
    return;
  }
}

// Moves up what could not stand nearer to its home before.
void TokenHashTable::close_gap(std::size_t gap) {
  for (auto at = next(gap); slots_[at].token; at = next(at)) {
    const auto home = home_of(slots_[at].digest);
    const auto mask = slots_.size() - 1;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;  // its home lies behind the gap
    slots_[gap] = std::move(slots_[at]);
    gap = at;
  }
  slots_[gap] = Slot{};
}

const TokenHashTable::Slot* TokenHashTable::find(const core::Sha256& digest) const {
  if (slots_.empty()) return nullptr;
  const Slot* found = nullptr;
  for (auto at = home_of(digest); slots_[at].token; at = next(at)) {
    if (!equal(slots_[at].digest, digest)) continue;
    if (found == nullptr || is_older(*slots_[at].token, *found->token)) found = &slots_[at];
  }
  return found;
}

std::vector<std::shared_ptr<const api::ApiToken>> TokenHashTable::claimants(
    const core::Sha256& digest) const {
  std::vector<std::shared_ptr<const api::ApiToken>> tokens;
  if (slots_.empty()) return tokens;
  for (auto at = home_of(digest); slots_[at].token; at = next(at)) {
    if (equal(slots_[at].digest, digest)) tokens.push_back(slots_[at].token);
  }
  std::ranges::sort(tokens, [](const auto& a, const auto& b) { return is_older(*a, *b); });
  return tokens;
}

}  // namespace apitoken::verify
