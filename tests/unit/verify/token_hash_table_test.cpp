#include "verify/token_hash_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tokens.hpp"

namespace apitoken::verify {
namespace {

// Digests that share their first bytes stand in one another's way.
core::Sha256 digest_of(std::uint8_t home, std::uint8_t rest) {
  core::Sha256 digest{};
  digest[0] = home;
  digest[31] = rest;
  return digest;
}

std::shared_ptr<const api::ApiToken> owner(const std::string& name) {
  return std::make_shared<const api::ApiToken>(token_of("x", name));
}

TEST(TokenHashTable, AnEmptyOneFindsAndErasesNothing) {
  TokenHashTable table;
  EXPECT_EQ(table.find(digest_of(1, 1)), nullptr);
  table.erase(digest_of(1, 1), owner("a")->meta);
  EXPECT_EQ(table.size(), 0u);
}

TEST(TokenHashTable, ASlotFillsACacheLine) { EXPECT_EQ(sizeof(TokenHashTable::Slot), 64u); }

TEST(TokenHashTable, OfEqualDigestsTheOldestTokenHasIt) {
  const auto created = [](const std::string& name, int seconds) {
    auto token = token_of("x", name);
    token.meta.created = kNow + Seconds(seconds);
    return std::make_shared<const api::ApiToken>(token);
  };
  const auto digest = digest_of(1, 1);
  std::vector tokens{created("d", 2), created("b", 1), created("c", 1), created("a", 3)};
  std::ranges::sort(tokens);
  do {
    TokenHashTable table;
    for (const auto& token : tokens) table.insert({digest, token, kNow, false});
    std::string order;
    for (const auto& token : table.claimants(digest)) order += token->meta.name;
    EXPECT_EQ(order, "bcda") << "by creation, then by uid";
    for (const char* name : {"b", "c", "d", "a"}) {
      ASSERT_NE(table.find(digest), nullptr);
      EXPECT_EQ(table.find(digest)->token->meta.name, name);
      table.erase(digest, owner(name)->meta);
    }
    EXPECT_EQ(table.find(digest), nullptr);
    EXPECT_TRUE(table.claimants(digest).empty());
  } while (std::ranges::next_permutation(tokens).found);
}

TEST(TokenHashTable, DoesWhatAMapDoesWhateverComesAndGoes) {
  TokenHashTable table;
  std::map<core::Sha256, std::string> model;
  std::mt19937 random(20261124);
  for (int step = 0; step < 5'000; ++step) {
    const auto digest = digest_of(static_cast<std::uint8_t>(random() % 5),
                                  static_cast<std::uint8_t>(random() % 60));
    const auto name = std::to_string(digest[0]) + "-" + std::to_string(digest[31]);
    if (random() % 2 == 0 && !model.contains(digest)) {
      table.insert({digest, owner(name), kNow, false});
      model[digest] = name;
    } else {
      table.erase(digest, owner(name)->meta);
      model.erase(digest);
    }
    ASSERT_EQ(table.size(), model.size());
    if (step % 50 != 0) continue;
    for (int home = 0; home < 5; ++home) {
      for (int rest = 0; rest < 60; ++rest) {
        const auto probe =
            digest_of(static_cast<std::uint8_t>(home), static_cast<std::uint8_t>(rest));
        const auto* slot = table.find(probe);
        ASSERT_EQ(slot != nullptr, model.contains(probe));
        if (slot != nullptr) {
          ASSERT_EQ(slot->token->meta.name, model[probe]);
        }
      }
    }
  }
}

TEST(TokenHashTable, AHundredThousandTokensTakeLessThanTwoHundredBytesEach) {
  TokenHashTable table;
  const auto token = owner("a");
  std::size_t worst = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    table.insert({core::sha256(std::to_string(i)), token, kNow, false});
    if (i >= 10'000) worst = std::max(worst, table.bytes() / table.size());
  }
  EXPECT_LE(worst, 200u);
  for (std::uint64_t i = 0; i < 100'000; ++i)
    ASSERT_NE(table.find(core::sha256(std::to_string(i))), nullptr);
}

}  // namespace
}  // namespace apitoken::verify
