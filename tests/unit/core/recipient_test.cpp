// Recipients: certificates and JWKs.
#include "core/recipient.hpp"

#include <gmock/gmock.h>

namespace apitoken::core {
namespace {

using testing::StartsWith;

TEST(Recipient, AJsonObjectIsAJwk) {
  for (const auto* text : {"{}", " \r\n\t{\"kty\":\"EC\"}", "{"}) {
    EXPECT_TRUE(is_jwk(text)) << text;
    EXPECT_EQ(encrypted_key(text), "token.jwe");
    EXPECT_TRUE(check_recipient_dates(text, WallTime()));
  }
  for (const auto* text : {"", "[]", "-----BEGIN CERTIFICATE-----", "x{"}) {
    EXPECT_FALSE(is_jwk(text)) << text;
    EXPECT_EQ(encrypted_key(text), "token.cms");
  }
  EXPECT_THAT(check_recipient("{}").error().message, StartsWith("has the kty"));
  EXPECT_THAT(check_recipient("hello").error().message, StartsWith("is not a PEM certificate"));
}

TEST(Recipient, LongTextIsRefused) {
  for (const auto& begin : {std::string("{"), std::string("-----BEGIN")})
    EXPECT_THAT(
        check_recipient(begin + std::string(16384, ' ')).error().message,
        StartsWith("is longer than 16384 characters; give one certificate or one JWK alone"));
}

TEST(Recipient, APreviousValueKeepsItsForm) {
  EXPECT_EQ(previous_key("token.cms"), "previous-token.cms");
  EXPECT_EQ(previous_key("token.jwe"), "previous-token.jwe");
  EXPECT_EQ(previous_key("token"), "previous-token");
  EXPECT_EQ(previous_key("api-key"), "previous-token");
}

}  // namespace
}  // namespace apitoken::core
