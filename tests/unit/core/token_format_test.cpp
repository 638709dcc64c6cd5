// The format of a token: checksums, compared with those of Python's zlib, and the distribution of
// its characters.
#include "core/token_format.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace apitoken::core {
namespace {

TEST(TokenFormat, ChecksumsMatchVectorsOfPythonsZlib) {
  for (const char* value :
       {"apt_00000000000000000000000000000000000000002kaqcA",
        "apt_zZ9zZ9zZ9zZ9zZ9zZ9zZ9zZ9zZ9zZ9zZ9zZ9zZ9a1SSIEH",
        "apt_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn21iZpT",
        "apt_000000000000000000000000000000000000035600U3y3"}) {  // padded with zeros
    EXPECT_TRUE(is_well_formed(value)) << value;
  }
  EXPECT_EQ(token_hash("apt_00000000000000000000000000000000000000002kaqcA"),
            "sha256:7707ef39cee37e4e5cfbb1f36939172994108c19b0027c48dbfb1243491c327c");
}

TEST(TokenFormat, AnyChangedCharacterIsDetected) {
  const std::string good = "apt_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn21iZpT";
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(is_well_formed(bad)) << bad;
  }
  for (const std::string bad : {std::string(), std::string("apt_"), good + "0", good.substr(0, 49),
                                " " + good.substr(1), std::string(50, '\0')}) {
    EXPECT_FALSE(is_well_formed(bad)) << bad;
  }
}

TEST(TokenFormat, MintedTokensAreWellFormedAndDiffer) {
  std::set<std::string> hashes, ids;
  for (int i = 0; i < 500; ++i) {
    const auto token = mint_opaque_token();
    ASSERT_TRUE(token);
    const std::string value(token->value.reveal());
    ASSERT_TRUE(is_well_formed(value));
    ASSERT_EQ(token->hash, token_hash(value));
    ASSERT_EQ(token->hint, "…" + value.substr(46));
    ASSERT_EQ(token->id.size(), 8u);
    ASSERT_EQ(value.find(token->id), value.npos);  // independent of the value
    hashes.insert(token->hash);
    ids.insert(token->id);
  }
  EXPECT_EQ(hashes.size(), 500u);
  EXPECT_EQ(ids.size(), 500u);
}

// Chi-square over 62 characters. With 61 degrees of freedom a fair source exceeds 150 in one of ten
// million runs; bytes modulo 62, without skipping any, would give about 750.
TEST(TokenFormat, EveryCharacterIsEquallyLikely) {
  std::array<int, 256> counts{};
  constexpr int kTokens = 4000;
  for (int i = 0; i < kTokens; ++i) {
    const auto token = mint_opaque_token();
    ASSERT_TRUE(token);
    for (const unsigned char c : token->value.reveal().substr(4, 40)) ++counts[c];
  }
  const double expected = kTokens * 40 / 62.0;
  double chi_square = 0;
  int used = 0;
  for (const int count : counts) {
    if (count == 0) continue;
    ++used;
    chi_square += (count - expected) * (count - expected) / expected;
  }
  EXPECT_EQ(used, 62);
  EXPECT_LT(chi_square, 150);
}

}  // namespace
}  // namespace apitoken::core
