#include "verify/token_hash_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "support/tokens.hpp"

namespace apitoken::verify {
namespace {

// Values are numbers, so that a test knows the hash of each.
core::Sha256 digest_of(int value) { return core::sha256(std::to_string(value)); }

kube::Kept<api::ApiToken> token_with(int value, const std::string& name, int created = 0) {
  auto token = token_of(std::to_string(value), name);
  token.meta.created = kNow + Seconds(created);
  return kube::Kept<api::ApiToken>(token);
}

api::ObjectMeta owner(const std::string& name) { return token_of("x", name).meta; }

TEST(TokenHashTable, AnEmptyOneFindsAndErasesNothing) {
  TokenHashTable table;
  EXPECT_FALSE(table.find(digest_of(1)));
  table.erase(digest_of(1), owner("a"));
  EXPECT_EQ(table.size(), 0u);
}

TEST(TokenHashTable, FindsTheClaimWithItsEnd) {
  TokenHashTable table;
  auto token = token_of("1", "a");
  token.status.previous = previous_of("2", kNow + Seconds(5));
  const kube::Kept<api::ApiToken> kept(token);
  table.insert(digest_of(1), kept);
  table.insert(digest_of(2), kept);
  ASSERT_TRUE(table.find(digest_of(1)));
  EXPECT_EQ(*table.find(digest_of(1))->token, token);
  EXPECT_EQ(table.find(digest_of(1))->valid_until, *token.status.expires_at);
  EXPECT_FALSE(table.find(digest_of(1))->previous);
  ASSERT_TRUE(table.find(digest_of(2)));
  EXPECT_EQ(table.find(digest_of(2))->valid_until, kNow + Seconds(5));
  EXPECT_TRUE(table.find(digest_of(2))->previous);
}

// Only a hash of equal first bytes could come so far.
TEST(TokenHashTable, AnEqualBeginningOfTheHashIsNotEnough) {
  TokenHashTable table;
  table.insert(digest_of(1), token_with(1, "a"));
  auto similar = digest_of(1);
  similar[31] ^= 1;
  EXPECT_FALSE(table.find(similar));
  EXPECT_TRUE(table.find(digest_of(1)));
}

TEST(TokenHashTable, AHashBelongsToTheOldestToken) {
  const auto digest = digest_of(1);
  std::vector<std::pair<std::string, int>> tokens{{"a", 3}, {"b", 1}, {"c", 1}, {"d", 2}};
  do {
    TokenHashTable table;
    for (const auto& [name, created] : tokens) table.insert(digest, token_with(1, name, created));
    std::string order;
    for (const auto& token : table.claimants(digest)) order += token->meta.name;
    EXPECT_EQ(order, "bcda") << "by creation, then by uid";
    for (const char* name : {"b", "c", "d", "a"}) {
      ASSERT_TRUE(table.find(digest));
      EXPECT_EQ(table.find(digest)->token->meta.name, name);
      table.erase(digest, owner(name));
    }
    EXPECT_FALSE(table.find(digest));
    EXPECT_TRUE(table.claimants(digest).empty());
  } while (std::ranges::next_permutation(tokens).found);
}

TEST(TokenHashTable, BehavesLikeAMapInARandomRun) {
  TokenHashTable table;
  std::map<int, std::string> model;
  std::mt19937 random(20261124);
  for (int step = 0; step < 5'000; ++step) {
    const auto value = static_cast<int>(random() % 300);
    const auto name = "t" + std::to_string(value);
    if (random() % 2 == 0 && !model.contains(value)) {
      table.insert(digest_of(value), token_with(value, name));
      model[value] = name;
    } else {
      table.erase(digest_of(value), owner(name));
      model.erase(value);
    }
    ASSERT_EQ(table.size(), model.size());
    if (step % 50 != 0) continue;
    for (int probe = 0; probe < 300; ++probe) {
      const auto found = table.find(digest_of(probe));
      ASSERT_EQ(found.has_value(), model.contains(probe));
      if (found) {
        ASSERT_EQ(found->token->meta.name, model[probe]);
      }
    }
  }
}

TEST(TokenHashTable, ATokenTakesAtMostSixtyFourBytes) {
  TokenHashTable table;
  const auto token = token_with(1, "a");
  std::size_t worst = 0;
  for (int i = 0; i < 100'000; ++i) {
    table.insert(digest_of(i), token);
    if (i >= 10'000) worst = std::max(worst, table.bytes() / table.size());
  }
  EXPECT_LE(worst, 64u);
  EXPECT_TRUE(table.find(digest_of(1)));
  EXPECT_FALSE(table.find(digest_of(2))) << "its slot's token has another hash";
}

TEST(TokenHashTable, GivesItsMemoryBackAsTokensGo) {
  TokenHashTable table;
  const auto empty = [&table] {
    table.insert(digest_of(0), token_with(0, "t0"));
    table.erase(digest_of(0), owner("t0"));
    return table.bytes();
  }();
  for (int i = 1; i < 5'000; ++i)
    table.insert(digest_of(i), token_with(i, "t" + std::to_string(i)));
  const auto full = table.bytes();
  for (int i = 1; i < 4'500; ++i) table.erase(digest_of(i), owner("t" + std::to_string(i)));
  EXPECT_LT(table.bytes(), full / 2);
  for (int i = 4'500; i < 5'000; ++i) {
    ASSERT_TRUE(table.find(digest_of(i)));
    table.erase(digest_of(i), owner("t" + std::to_string(i)));
  }
  EXPECT_EQ(table.bytes(), empty);
}

}  // namespace
}  // namespace apitoken::verify
