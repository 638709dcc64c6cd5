// JWE in compact form (RFC 7516): encrypts a value to a public JWK (spec.secret.encryptTo), and
// decrypts one with the one-time key of `kubectl apitoken`. The content is encrypted by A256GCM.
// The content key is encrypted by RSA-OAEP-256, or agreed on by ECDH-ES with an ephemeral key (RFC
// 7518, section 4.6). `jose jwe dec` and other JOSE libraries decrypt it. core/recipient and the
// plugin call it, on any thread. No I/O; neither keeps nor logs a value.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret_string.hpp"
#include "core/jwk.hpp"

namespace apitoken::core {

// Errors: Invalid if read_public_jwk() refuses the key, Unavailable if OpenSSL fails.
Result<std::string> encrypt_jwe(std::string_view jwk, const SecretString& value);

// A key pair that decrypts what was encrypted to `jwk`. The destructor wipes the private key.
struct OneTimeKey {
  KeyPtr pair;
  // The public key: {"kty":"EC","crv":"P-256","x":…,"y":…,"use":"enc","alg":"ECDH-ES","kid":…}
  std::string jwk;
};
// Errors: Unavailable if OpenSSL fails.
Result<OneTimeKey> generate_one_time_key(std::string_view kid);

// Decrypts a JWE of ECDH-ES and A256GCM. Errors: Decode if `jwe` is not such a JWE, is for another
// key, or was changed.
Result<SecretString> decrypt_jwe(const OneTimeKey& key, std::string_view jwe);

}  // namespace apitoken::core
