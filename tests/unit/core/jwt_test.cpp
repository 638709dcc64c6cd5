// JWTs: claims of RFC 9068, keys, thumbprints, and signatures, which the openssl program verifies.
#include "core/jwt.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/base64.hpp"
#include "core/hash.hpp"
#include "support/temporary_folder.hpp"

namespace apitoken::core {
namespace {

using Json = nlohmann::json;
using testing::StartsWith;

constexpr std::string_view kIssuer = "https://issuer.example.com";

JwtClaims claims() {
  return {"alice@example.com",
          "team-a/ci",
          {"deployers", "ci"},
          {"deploy:write", "deploy:read"},
          {"https://api.example.com"},
          WallTime(Seconds(1'800'000'000)),
          WallTime(Seconds(1'800'028'800))};
}

std::string decode_part(std::string text) {
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return base64_decode(text).value();
}

struct Parts {
  std::string header, claims, signature, signed_text;
};

Parts take_apart(const MintedToken& token) {
  const std::string value(token.value.reveal());
  const auto first = value.find('.'), second = value.rfind('.');
  return {decode_part(value.substr(0, first)),
          decode_part(value.substr(first + 1, second - first - 1)),
          decode_part(value.substr(second + 1)), value.substr(0, second)};
}

TEST(Jwt, CarriesTheClaimsOfRfc9068) {
  const auto key = generate_signing_key();
  ASSERT_TRUE(key);
  const auto token = sign_jwt(*key, kIssuer, claims());
  ASSERT_TRUE(token);
  const auto parts = take_apart(*token);
  EXPECT_EQ(Json::parse(parts.header),
            (Json{{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", key->kid}}));
  EXPECT_EQ(Json::parse(parts.claims), (Json{{"iss", kIssuer},
                                             {"sub", "alice@example.com"},
                                             {"aud", {"https://api.example.com"}},
                                             {"iat", 1'800'000'000},
                                             {"exp", 1'800'028'800},
                                             {"jti", token->id},
                                             {"client_id", "team-a/ci"},
                                             {"groups", {"deployers", "ci"}},
                                             {"scope", "deploy:write deploy:read"}}));
  EXPECT_EQ(token->id.size(), 8u);
  EXPECT_EQ(token->hash, token_hash(token->value.reveal()));
  EXPECT_EQ(token->hint, fmt::format("…{}", token->value.reveal().substr(token->value.size() - 4)));
}

TEST(Jwt, DefaultsToTheIssuerAsAudienceAndOmitsEmptyClaims) {
  const auto key = generate_signing_key();
  auto few = claims();
  few.groups.clear();
  few.scopes.clear();
  few.audiences.clear();
  const auto body = Json::parse(take_apart(*sign_jwt(*key, kIssuer, few)).claims);
  EXPECT_EQ(body["aud"], Json::array({kIssuer}));
  EXPECT_FALSE(body.contains("groups"));
  EXPECT_FALSE(body.contains("scope"));
}

TEST(Jwt, TokensDiffer) {
  const auto key = generate_signing_key();
  EXPECT_NE(sign_jwt(*key, kIssuer, claims())->hash, sign_jwt(*key, kIssuer, claims())->hash);
}

// RFC 7638, section 3.1, has an RSA key as example. Python's hashlib computed the thumbprint of the
// EC key with the coordinates of RFC 7515, appendix A.3.
TEST(Jwt, TheThumbprintMatchesRfc7638) {
  constexpr std::string_view kModulus =
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
      "BJECPebWKRXjBZCiFV4n3oknjhMs"
      "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
      "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5ha"
      "jrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-"
      "csFCur-"
      "kEgU8awapJzKnqDKgw";
  EXPECT_EQ(base64url_encode(
                sha256_bytes(fmt::format(R"({{"e":"AQAB","kty":"RSA","n":"{}"}})", kModulus))),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  EXPECT_EQ(ec_thumbprint("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                          "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
            "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
}

TEST(Jwt, KeysSurviveARoundTrip) {
  const auto key = generate_signing_key();
  const auto pem = write_signing_key(*key);
  ASSERT_TRUE(pem);
  EXPECT_THAT(std::string(pem->reveal()), StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  const auto again = read_signing_key(*pem);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->kid, key->kid);
  EXPECT_EQ(std::pair(again->x, again->y), std::pair(key->x, key->y));
}

TEST(Jwt, ThePublicPartIsPublicOnly) {
  const auto one = generate_signing_key(), two = generate_signing_key();
  const SigningKey* both[] = {&*one, &*two};
  const auto keys = Json::parse(jwks_document(both))["keys"];
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0], (Json{{"kty", "EC"},
                           {"crv", "P-256"},
                           {"x", one->x},
                           {"y", one->y},
                           {"use", "sig"},
                           {"alg", "ES256"},
                           {"kid", ec_thumbprint(one->x, one->y)}}));
  EXPECT_EQ(one->x.size(), 43u);
  EXPECT_EQ(keys[1]["kid"], two->kid);
  EXPECT_EQ(jwks_document({}), R"({"keys":[]})");
}

// OpenSSL's program takes a signature in DER: two INTEGERs.
std::string der_integer(std::string number) {
  while (number.size() > 1 && number[0] == '\0' && (number[1] & 0x80) == 0) number.erase(0, 1);
  if ((number[0] & 0x80) != 0) number.insert(number.begin(), '\0');
  return std::string("\x02") + static_cast<char>(number.size()) + number;
}

TEST(Jwt, OpensslVerifiesTheSignature) {
  const kube::test::TemporaryFolder folder;
  const auto key = generate_signing_key();
  folder.write("key.pem", write_signing_key(*key)->reveal());
  for (int i = 0; i < 8; ++i) {  // numbers of every length
    const auto parts = take_apart(*sign_jwt(*key, kIssuer, claims()));
    ASSERT_EQ(parts.signature.size(), 64u);
    const auto numbers =
        der_integer(parts.signature.substr(0, 32)) + der_integer(parts.signature.substr(32));
    folder.write("signature", std::string("\x30") + static_cast<char>(numbers.size()) + numbers);
    const auto verify = fmt::format(
        "cd {} && openssl pkey -in key.pem -pubout -out public.pem && openssl dgst -sha256 -verify "
        "public.pem "
        "-signature "
        "signature text >out 2>&1",
        folder.path());
    folder.write("text", parts.signed_text);
    ASSERT_EQ(std::system(verify.c_str()), 0) << folder.read("out");
    folder.write("text", parts.signed_text + "x");
    ASSERT_NE(std::system(verify.c_str()), 0);
  }
}

TEST(Jwt, TellsWhichKeySigned) {
  const auto key = generate_signing_key();
  EXPECT_EQ(kid_of_jwt(sign_jwt(*key, kIssuer, claims())->value.reveal()), key->kid);
  const auto with_header = [](std::string_view header) {
    return base64url_encode(header) + ".e30.c2ln";
  };
  EXPECT_EQ(kid_of_jwt(with_header(R"({"kid":"a"})")), "a");
  for (const std::string& other :
       {std::string("apt_0123"), std::string(), std::string(".."), std::string("!.e30."),
        with_header("{"), with_header("[]"), with_header("{}"), with_header(R"({"kid":1})")})
    EXPECT_FALSE(kid_of_jwt(other)) << other;
}

TEST(Jwt, OnlyPrivateKeysOnP256AreRead) {
  const kube::test::TemporaryFolder folder;
  const auto make = [&](const std::string& options) {
    const auto line =
        fmt::format("cd {} && openssl genpkey {} -out key.pem 2>log", folder.path(), options);
    EXPECT_EQ(std::system(line.c_str()), 0);
    return read_signing_key(SecretString(folder.read("key.pem")));
  };
  EXPECT_TRUE(make("-algorithm EC -pkeyopt ec_paramgen_curve:P-256"));
  EXPECT_EQ(make("-algorithm EC -pkeyopt ec_paramgen_curve:P-384").error().message,
            "a private key that is not on the curve P-256");
  EXPECT_EQ(make("-algorithm ED25519").error().kind, ErrorKind::Decode);
  EXPECT_EQ(make("-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:word")
                .error()
                .message,
            "not a private key in PEM");
  EXPECT_EQ(read_signing_key(SecretString(std::string("rubbish"))).error().message,
            "not a private key in PEM");
}

}  // namespace
}  // namespace apitoken::core
