#include "portal/oidc.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/base64.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const WallTime kNow{Seconds(1'795'000'000)};
constexpr const char* kIssuer = "https://issuer.example.com/realm";

json document() {
  return {{"issuer", kIssuer},
          {"authorization_endpoint", "https://issuer.example.com/auth?tenant=1"},
          {"token_endpoint", "https://issuer.example.com/token"},
          {"end_session_endpoint", "https://issuer.example.com/logout"}};
}
OidcProvider provider() { return parse_discovery(document().dump(), kIssuer).value(); }

OidcClient client(std::string secret = "") {
  return {"portal", SecretString(std::move(secret)), "https://tokens.example.com/signin/callback"};
}

json claims() {
  return {{"iss", kIssuer},
          {"sub", "alice-1"},
          {"aud", "portal"},
          {"nonce", "nonce-1"},
          {"exp", (kNow + Seconds(60)).time_since_epoch().count()}};
}
std::string jwt(const json& payload) {
  return base64url_encode(R"({"alg":"RS256"})") + "." + base64url_encode(payload.dump()) + ".c2ln";
}
ExpectedClaims expected() { return {kIssuer, "portal", "nonce-1"}; }

// Why an id_token with these claims is refused; empty: it is not.
std::string refusal(const json& payload, const ExpectedClaims& wanted = expected()) {
  const auto read = read_id_claims(jwt(payload));
  if (!read) return read.error().message;
  const auto fits = check_id_claims(*read, wanted, kNow);
  return fits ? "" : fits.error().message;
}

TEST(Discovery, IsFoundBelowTheIssuer) {
  EXPECT_EQ(discovery_url(kIssuer),
            "https://issuer.example.com/realm/.well-known/openid-configuration");
  EXPECT_EQ(discovery_url("https://a.example.com/"),
            "https://a.example.com/.well-known/openid-configuration");
}

TEST(Discovery, GivesTheEndpoints) {
  const auto found = provider();
  EXPECT_EQ(found.authorization_endpoint, "https://issuer.example.com/auth?tenant=1");
  EXPECT_EQ(found.token_endpoint, "https://issuer.example.com/token");
  EXPECT_EQ(found.end_session_endpoint, "https://issuer.example.com/logout");
  EXPECT_FALSE(found.secret_in_body);
}

TEST(Discovery, OfAnotherIssuerOrWithoutTlsIsRefused) {
  const auto refused = [](const char* member, json value) {
    auto changed = document();
    changed[member] = std::move(value);
    const auto found = parse_discovery(changed.dump(), kIssuer);
    return found ? "accepted" : found.error().message;
  };
  EXPECT_THAT(refused("issuer", "https://evil.example.com"),
              HasSubstr("names the issuer \"https://evil.example.com\""));
  EXPECT_THAT(refused("issuer", std::string(kIssuer) + "/"), HasSubstr("must be exactly that"));
  EXPECT_THAT(refused("issuer", json()), HasSubstr("names the issuer"));
  EXPECT_THAT(refused("token_endpoint", "http://issuer.example.com/token"),
              HasSubstr("token_endpoint is no https URL"));
  EXPECT_THAT(refused("token_endpoint", 7), HasSubstr("token_endpoint is no https URL"));
  EXPECT_THAT(refused("authorization_endpoint", "javascript:alert(1)"),
              HasSubstr("authorization_endpoint is no https URL"));
  EXPECT_THAT(parse_discovery("<html>", kIssuer).error().message, HasSubstr("is no JSON object"));
  EXPECT_THAT(parse_discovery("[]", kIssuer).error().message, HasSubstr("is no JSON object"));
}

TEST(Discovery, ASignOutWithoutTlsCountsAsNone) {
  auto changed = document();
  changed["end_session_endpoint"] = "http://issuer.example.com/logout";
  EXPECT_EQ(logout_url(parse_discovery(changed.dump(), kIssuer).value(), "portal", "https://a"),
            "");
}

// The example of RFC 7636 appendix B.
TEST(Pkce, ChallengeIsTheSha256OfTheVerifier) {
  EXPECT_EQ(code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(AuthorizationUrl, CarriesEncodedParametersAndNeverTheVerifier) {
  const auto url =
      authorization_url(provider(), client(), "openid email", "s&1", "n=1", "verifier");
  EXPECT_EQ(url,
            "https://issuer.example.com/auth?tenant=1&response_type=code&client_id=portal"
            "&redirect_uri=https%3A%2F%2Ftokens.example.com%2Fsignin%2Fcallback"
            "&scope=openid%20email&state=s%261&nonce=n%3D1&code_challenge=" +
                code_challenge("verifier") + "&code_challenge_method=S256");
}

TEST(TokenRequests, OfAPublicClientHaveNoSecret) {
  const auto request = code_request(provider(), client(), "c/1", "v");
  EXPECT_EQ(request.form.reveal(),
            "grant_type=authorization_code&code=c%2F1"
            "&redirect_uri=https%3A%2F%2Ftokens.example.com%2Fsignin%2Fcallback"
            "&code_verifier=v&client_id=portal");
  EXPECT_TRUE(request.authorization.empty());
  EXPECT_EQ(refresh_request(provider(), client(), "r+1").form.reveal(),
            "grant_type=refresh_token&refresh_token=r%2B1&client_id=portal");
}

TEST(TokenRequests, SendASecretAsTheIssuerTakesIt) {
  const auto basic = code_request(provider(), client("s:1"), "c", "v");
  EXPECT_THAT(std::string(basic.form.reveal()), Not(HasSubstr("s:1")));
  EXPECT_EQ(basic.authorization.reveal(), "Basic " + base64_encode("portal:s%3A1"));
  auto changed = document();
  changed["token_endpoint_auth_methods_supported"] = {"client_secret_post"};
  const auto post =
      code_request(parse_discovery(changed.dump(), kIssuer).value(), client("s:1"), "c", "v");
  EXPECT_TRUE(post.authorization.empty());
  EXPECT_THAT(std::string(post.form.reveal()), HasSubstr("&client_id=portal&client_secret=s%3A1"));
}

TEST(TokenAnswers, GiveTheTokens) {
  const auto answer = parse_token_answer(
      200, R"({"id_token":"a.b.c","refresh_token":"r","access_token":"x","token_type":"Bearer"})");
  EXPECT_EQ(answer->id_token.reveal(), "a.b.c");
  EXPECT_EQ(answer->refresh_token.reveal(), "r");
  EXPECT_TRUE(parse_token_answer(200, "{}")->id_token.empty());
}

// The description is the issuer's own text and may repeat what was sent.
TEST(TokenAnswers, ARefusalIsReportedByItsCodeAlone) {
  const auto refused = parse_token_answer(
      400, R"({"error":"invalid_grant","error_description":"code abc was used"})");
  EXPECT_EQ(refused.error().kind, ErrorKind::Unauthorized);
  EXPECT_EQ(refused.error().message, "the token endpoint answers 400, invalid_grant");
  EXPECT_EQ(parse_token_answer(502, "<html>").error().kind, ErrorKind::Unavailable);
  EXPECT_EQ(parse_token_answer(429, "{}").error().kind, ErrorKind::Unavailable);
  EXPECT_EQ(parse_token_answer(200, "<html>").error().kind, ErrorKind::Decode);
  EXPECT_EQ(parse_token_answer(400, R"({"error":{"a":1}})").error().message,
            "the token endpoint answers 400");
}

TEST(IdClaims, ThoseOfThisSignInPass) {
  EXPECT_EQ(refusal(claims()), "");
  auto more = claims();
  more["aud"] = {"kubernetes", "portal"};
  more["azp"] = "portal";
  more["exp"] = double((kNow + Seconds(1)).time_since_epoch().count()) + 0.5;
  EXPECT_EQ(refusal(more), "");
  EXPECT_THAT(read_id_claims(jwt(more))->audiences, ElementsAre("kubernetes", "portal"));
}

TEST(IdClaims, EachWrongOneIsNamed) {
  const auto with = [](const char* claim, json value) {
    auto changed = claims();
    changed[claim] = std::move(value);
    return refusal(changed);
  };
  EXPECT_THAT(with("iss", "https://evil.example.com"), HasSubstr("claim iss"));
  EXPECT_THAT(with("aud", "other"), HasSubstr("claim aud"));
  EXPECT_THAT(with("aud", json::array()), HasSubstr("claim aud"));
  EXPECT_THAT(with("aud", json()), HasSubstr("claim aud"));
  EXPECT_THAT(with("azp", "other"), HasSubstr("claim azp"));
  EXPECT_THAT(with("nonce", "nonce-2"), HasSubstr("claim nonce"));
  EXPECT_THAT(with("nonce", json()), HasSubstr("claim nonce"));
  EXPECT_THAT(with("sub", ""), HasSubstr("claim sub"));
  EXPECT_THAT(with("exp", kNow.time_since_epoch().count()), HasSubstr("claim exp"));
  EXPECT_THAT(with("exp", "soon"), HasSubstr("no claim exp"));
  EXPECT_THAT(with("exp", -1), HasSubstr("no claim exp"));
  EXPECT_THAT(with("exp", 1e300), HasSubstr("no claim exp"));
}

TEST(IdClaims, ARefreshedTokenIsForTheSamePerson) {
  auto same = expected();
  same.subject = "alice-1";
  EXPECT_EQ(refusal(claims(), same), "");
  auto without_nonce = claims();
  without_nonce.erase("nonce");
  EXPECT_EQ(refusal(without_nonce, same), "");
  auto other = claims();
  other["sub"] = "bob-2";
  EXPECT_THAT(refusal(other, same), HasSubstr("somebody else"));
  auto other_nonce = claims();
  other_nonce["nonce"] = "nonce-2";
  EXPECT_THAT(refusal(other_nonce, same), HasSubstr("claim nonce"));
}

TEST(IdClaims, WhatIsNoJwtIsRefused) {
  for (const char* text : {"", "a", "a.b", "a.b.c", "..", ".e30.", "a.!!!.c", "a.W10.c"})
    EXPECT_FALSE(read_id_claims(text)) << text;
}

TEST(JwtEnd, IsReadFromTheClaim) {
  EXPECT_EQ(jwt_end(jwt(claims())), kNow + Seconds(60));
  EXPECT_EQ(jwt_end(jwt({{"sub", "a"}})), std::nullopt);
  EXPECT_EQ(jwt_end("apt_0123456789"), std::nullopt);
}

TEST(LogoutUrl, NamesTheClientAndShowsNoToken) {
  EXPECT_EQ(logout_url(provider(), "portal", "https://tokens.example.com/signin"),
            "https://issuer.example.com/logout?client_id=portal"
            "&post_logout_redirect_uri=https%3A%2F%2Ftokens.example.com%2Fsignin");
}

}  // namespace
}  // namespace apitoken::portal
