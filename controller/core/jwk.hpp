// Public keys as JWK (RFC 7517): what spec.secret.encryptTo may hold in place of a certificate, and
// the ephemeral key in a JWE's header. Validation, core/jwe and core/jwt call it, on any thread. No
// I/O; a private key is refused, never kept.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/json.hpp"
#include "base/freed_by.hpp"
#include "base/result.hpp"

// OpenSSL's key, so that its headers stay out of ours.
extern "C" {
struct evp_pkey_st;
void EVP_PKEY_free(evp_pkey_st* key);
}

namespace apitoken::core {

using KeyPtr = std::unique_ptr<evp_pkey_st, FreedBy<EVP_PKEY_free>>;

// A key that a value can be encrypted to.
struct PublicJwk {
  KeyPtr key;
  bool is_rsa = false;
  std::string kid;  // empty: none
};

// Reads an EC key on P-256, or an RSA key of 2048 to 8192 bits. Unknown members are ignored (RFC
// 7517, section 4); a member that stands twice is refused, as parsers differ on which one counts.
// Errors: Invalid, whose message continues "spec.secret.encryptTo: ", says why not and what to
// give.
Result<PublicJwk> read_public_jwk(std::string_view text);
Result<PublicJwk> read_public_jwk(api::Json document);

// The affine point of an EC key on P-256, each coordinate in base64url. Errors: Unavailable where
// OpenSSL fails.
struct EcPoint {
  std::string x;
  std::string y;
};
Result<EcPoint> public_point(const evp_pkey_st* key);

// A new EC key on P-256. Errors: Unavailable where OpenSSL fails.
Result<KeyPtr> generate_p256_key();

}  // namespace apitoken::core
