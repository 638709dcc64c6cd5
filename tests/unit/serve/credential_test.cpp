#include "serve/credential.hpp"

#include <gmock/gmock.h>

#include "base/base64.hpp"
#include "core/token_format.hpp"

namespace apitoken::serve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = Credential::Kind;

std::string jwt_of(std::string_view header, std::string_view claims,
                   std::string_view signature = "c2ln") {
  return base64url_encode(header) + "." + base64url_encode(claims) + "." + std::string(signature);
}

Kind kind_of(const std::string& token) { return examine_credential(token).kind; }

TEST(Credential, OfAServiceAccountNamesItsKeyAndAudiences) {
  const auto one =
      examine_credential(jwt_of(R"({"alg":"RS256","kid":"k1"})", R"({"iss":"i","aud":["a","b"]})"));
  EXPECT_EQ(one.kind, Kind::Jwt);
  EXPECT_EQ(one.kid, "k1");
  EXPECT_THAT(one.audiences, ElementsAre("a", "b"));
  EXPECT_THAT(examine_credential(jwt_of(R"({"alg":"ES256"})", R"({"aud":"a"})")).audiences,
              ElementsAre("a"));
}

TEST(Credential, WithoutKeyIdAndAudienceIsAJwtToo) {
  const auto legacy = examine_credential(
      jwt_of(R"({"alg":"RS256","kid":7})", R"({"iss":"kubernetes/serviceaccount"})"));
  EXPECT_EQ(legacy.kind, Kind::Jwt);
  EXPECT_EQ(legacy.kid, "");
  EXPECT_THAT(legacy.audiences, IsEmpty());
}

TEST(Credential, OfAnyOtherFormIsOpaque) {
  for (const char* token : {"abcdef.0123456789abcdef", "x", "sha256~Zm9v-_+/==", "a.b.c",
                            "eyJhIjp9", "eyJhbGciOiJkaXIifQ.a.b.c.d"}) {
    EXPECT_EQ(kind_of(token), Kind::Opaque) << token;
  }
  EXPECT_EQ(kind_of(std::string(core::mint_opaque_token()->value.reveal())), Kind::Opaque)
      << "only the index knows whether it is valid";
}

TEST(Credential, IsNoneIfNoApiServerCanAcceptIt) {
  const std::string header = R"({"alg":"RS256","kid":"k"})";
  for (const std::string& token : {
           std::string(),
           std::string("="),
           std::string("a=b"),
           std::string("a b"),
           std::string("a\nb"),
           std::string("a\0b", 3),
           std::string("\xc3\xa4"),
           std::string("a,b"),
           std::string("\"quoted\""),
           std::string(Credential::kMaxSize + 1, 'a'),
           std::string("apt_0123456789"),
           "apt_" + std::string(46, '0'),
           jwt_of(R"({"alg":"none"})", "{}"),
           jwt_of(R"({"alg":""})", "{}"),
           jwt_of(R"({"kid":"k"})", "{}"),
           jwt_of(R"({"alg":1})", "{}"),
           jwt_of(R"({"alg")", "{}"),
           jwt_of(header, "claims"),
           jwt_of(header, "[]"),
           jwt_of(header, "{}", ""),
           jwt_of(header, "{}", "a+b"),
           jwt_of(header, ""),
       }) {
    EXPECT_EQ(kind_of(token), Kind::None) << token;
  }
  EXPECT_EQ(kind_of(std::string(Credential::kMaxSize, 'a')), Kind::Opaque);
}

}  // namespace
}  // namespace apitoken::serve
