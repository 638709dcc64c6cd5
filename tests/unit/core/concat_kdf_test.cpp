// The Concat KDF, by the published example.
#include "core/concat_kdf.hpp"

#include <gtest/gtest.h>

#include "base/base64.hpp"

namespace apitoken::core {
namespace {

// RFC 7518, appendix C: Z, and the key derived from it for Alice, Bob and A128GCM.
TEST(ConcatKdf, DerivesTheKeyOfRfc7518) {
  constexpr unsigned char kShared[] = {158, 86,  217, 29,  129, 113, 53,  211, 114, 131, 66,
                                       131, 191, 132, 38,  156, 251, 49,  110, 163, 218, 128,
                                       106, 72,  246, 218, 167, 121, 140, 254, 144, 196};
  const SecretString shared(std::string(reinterpret_cast<const char*>(kShared), sizeof kShared));
  const auto key = concat_kdf(shared, "A128GCM", "Alice", "Bob", 16);
  EXPECT_EQ(base64url_encode(key.reveal()), "VqqN6vgjbSBcIijNcacQGg");
}

}  // namespace
}  // namespace apitoken::core
