// JSON Web Tokens (spec.format JWT): access tokens of RFC 9068, signed with ES256. Signing keys are
// published as JWK (RFC 7517) with their thumbprint (RFC 7638) as kid. reconcile/jwt_keys calls it,
// on any thread. No I/O, no clock; neither keeps nor logs a value or a private key.
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

// The claims of a token. sign_jwt() adds iss and jti.
struct JwtClaims {
  std::string subject;
  std::string client_id;
  std::vector<std::string> groups;     // empty: no claim
  std::vector<std::string> scopes;     // one claim `scope`, separated by blanks; empty: no claim
  std::vector<std::string> audiences;  // empty: the issuer, because RFC 9068 requires an audience
  WallTime issued_at{};
  WallTime expires_at{};
};

// An EC key on P-256. Immutable, so threads may share it.
struct SigningKey {
  std::string kid;  // RFC 7638 thumbprint
  std::string x;    // the public point, base64url
  std::string y;
  KeyPtr pair;
};

// Errors: Unavailable if OpenSSL fails.
Result<SigningKey> generate_signing_key();
// Errors: Decode if `pem` is not a private EC key on P-256 in PEM.
Result<SigningKey> read_signing_key(const SecretString& pem);
// PKCS #8 in PEM, not encrypted.
Result<SecretString> write_signing_key(const SigningKey& key);

// {"keys":[…]}, in the order given; a key is
// {"kty":"EC","crv":"P-256","x":…,"y":…,"kid":…,"use":"sig","alg":"ES256"}.
std::string jwks_document(std::span<const SigningKey* const> keys);
// The thumbprint of an EC key on P-256. `x`, `y`: in base64url.
std::string ec_thumbprint(std::string_view x, std::string_view y);

// Signs a token. Its ID is the jti; its hash is that of the whole compact form. Errors: Unavailable
// if OpenSSL or the random source fails.
Result<MintedToken> sign_jwt(const SigningKey& key, std::string_view issuer,
                             const JwtClaims& claims);

// The kid in the header of a JWT. Empty if `value` is not a JWT. Does not check the signature.
std::optional<std::string> kid_of_jwt(std::string_view value);

}  // namespace apitoken::core
