// JSON Web Tokens (spec.format JWT): access tokens by RFC 9068, signed with ES256, and the keys
// that sign them as JWK (RFC 7517) with their thumbprint as kid (RFC 7638). The key ring calls it,
// from any thread. No I/O, no clock; nothing here keeps or logs a value or a private key.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "core/jwk.hpp"
#include "core/token_format.hpp"

namespace apitoken::core {

// What a token says; iss and jti join at signing.
struct JwtClaims {
  std::string subject;
  std::string client_id;
  std::vector<std::string> groups;     // left out where there are none
  std::vector<std::string> scopes;     // the same; one claim `scope`, separated by blanks
  std::vector<std::string> audiences;  // none: the issuer itself, since RFC 9068 wants an audience
  WallTime issued_at{};
  WallTime expires_at{};
};

// An EC key on P-256. Immutable: threads may share it.
struct SigningKey {
  std::string kid;  // RFC 7638 thumbprint
  std::string x;    // the public point, base64url
  std::string y;
  KeyPtr pair;
};

// Errors: Unavailable where OpenSSL fails.
Result<SigningKey> generate_signing_key();
// Errors: Decode where the text is no private key in PEM, or one of another kind.
Result<SigningKey> read_signing_key(const SecretString& pem);
// PKCS #8 in PEM, not encrypted.
Result<SecretString> write_signing_key(const SigningKey& key);

// {"kty":"EC","crv":"P-256","x":…,"y":…,"kid":…,"use":"sig","alg":"ES256"}
std::string public_jwk(const SigningKey& key);
// {"keys":[…]}, in the order given.
std::string jwks_document(std::span<const SigningKey* const> keys);
// The thumbprint of an EC key whose coordinates are given in base64url.
std::string ec_thumbprint(std::string_view x, std::string_view y);

// Signs a token; its id is the jti, its hash that of the whole compact form. Errors: Unavailable.
Result<MintedToken> sign_jwt(const SigningKey& key, std::string_view issuer,
                             const JwtClaims& claims);

// Which key signed it, by its header; nothing for what is no JWT. Checks no signature.
std::optional<std::string> kid_of_jwt(std::string_view value);

}  // namespace apitoken::core
