// OpenID Connect for a relying party: reads the issuer's discovery document, makes the addresses to
// send the browser to and the requests to the token endpoint, and checks that an id_token is for
// this portal. Pure; OidcSignIn calls it on the workers' threads. An id_token's signature is not
// checked here: it comes from the token endpoint over verified TLS (OpenID Connect Core 3.1.3.7
// item 6), and the API server, which checks it, decides. Sources: OpenID Connect Core 1.0,
// Discovery 1.0, RP-Initiated Logout 1.0, RFC 6749, RFC 7636.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::portal {

// The members of the issuer's discovery document that are used here.
struct OidcProvider {
  std::string issuer;
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string end_session_endpoint;  // empty: the issuer knows no sign-out
  bool secret_in_body = false;       // it takes a client's secret in the form alone
};

// The portal's registration at the issuer.
struct OidcClient {
  std::string id;
  SecretString secret;       // empty: a public client
  std::string redirect_uri;  // PUBLIC-URL/signin/callback
};

std::string discovery_url(std::string_view issuer);
// `body` is the document found there. Errors: Decode or Invalid, naming the member.
Result<OidcProvider> parse_discovery(std::string_view body, std::string_view issuer);

// S256 of RFC 7636.
std::string code_challenge(std::string_view verifier);
std::string authorization_url(const OidcProvider& provider, const OidcClient& client,
                              std::string_view scopes, std::string_view state,
                              std::string_view nonce, std::string_view verifier);

// A request to the token endpoint.
struct TokenRequest {
  SecretString form;           // application/x-www-form-urlencoded
  SecretString authorization;  // the Authorization header's value; empty: none
};
TokenRequest code_request(const OidcProvider& provider, const OidcClient& client,
                          std::string_view code, std::string_view verifier);
TokenRequest refresh_request(const OidcProvider& provider, const OidcClient& client,
                             std::string_view refresh_token);

struct TokenAnswer {
  SecretString id_token;       // empty only after a refresh: the issuer sends none
  SecretString refresh_token;  // empty: none, or the present one stays good
};
// Errors: Unauthorized if the issuer refuses (the message has its `error` code only, because its
// description may repeat what was sent), Unavailable for 5xx, Decode.
Result<TokenAnswer> parse_token_answer(int status, std::string_view body);

struct IdClaims {
  std::string issuer;
  std::string subject;
  std::vector<std::string> audiences;
  std::string authorized_party;  // azp; empty: absent
  std::string nonce;             // empty: absent
  WallTime expires_at{};
};
// Errors: Decode if it is not a JWT with these claims.
Result<IdClaims> read_id_claims(std::string_view id_token);

// The claims that an id_token must have.
struct ExpectedClaims {
  std::string issuer;
  std::string client_id;
  std::string nonce;
  std::string subject{};  // after a refresh: the same person; empty: anybody
};
// Errors: Invalid, naming the claim. After a refresh the nonce may be absent.
Status check_id_claims(const IdClaims& claims, const ExpectedClaims& expected, WallTime now);

// The exp claim of a JWT; empty if it has none, or is not a JWT.
std::optional<WallTime> jwt_end(std::string_view token);

// The address at which the browser signs out at the issuer; empty if the issuer offers none. It has
// the client's id but no id_token_hint, which would show the bearer to scripts and histories.
std::string logout_url(const OidcProvider& provider, std::string_view client_id,
                       std::string_view back_to);

}  // namespace apitoken::portal
