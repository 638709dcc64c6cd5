// Public keys as JWK (RFC 7517): spec.secret.encryptTo may hold one in place of a certificate, and
// the header of a JWE holds one. core/recipient, core/jwe and core/jwt call it, on any thread. No
// I/O; refuses a private key and never keeps one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/json.hpp"
#include "base/freed_by.hpp"
#include "base/result.hpp"

// Declared here, so that this header does not include those of OpenSSL.
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

// Reads an EC key on P-256, or an RSA key of 2048 to 8192 bits. Ignores unknown members (RFC 7517,
// section 4). Refuses a member that occurs twice, because parsers differ on which one they take.
// Errors: Invalid; the message continues "spec.secret.encryptTo: ".
Result<PublicJwk> read_public_jwk(std::string_view text);
Result<PublicJwk> read_public_jwk(api::Json document);

// The point of an EC key on P-256, each coordinate in base64url. Errors: Unavailable if OpenSSL
// fails.
struct EcPoint {
  std::string x;
  std::string y;
};
Result<EcPoint> public_point(const evp_pkey_st* key);

// A new EC key on P-256. Errors: Unavailable if OpenSSL fails.
Result<KeyPtr> generate_p256_key();

}  // namespace apitoken::core
