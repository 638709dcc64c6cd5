// JWE in compact form (RFC 7516): a value encrypted to a public JWK (spec.secret.encryptTo), and
// opened again with the one-time key of `kubectl apitoken`. The content is encrypted by A256GCM;
// its key travels by RSA-OAEP-256, or is agreed on by ECDH-ES with an ephemeral key (RFC 7518,
// section 4.6). `jose jwe dec` and every other JOSE library open it. core/recipient and the plugin
// call it, on any thread. No I/O; nothing here keeps or logs a value.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret_string.hpp"
#include "core/jwk.hpp"

namespace apitoken::core {

// Errors: Invalid for a key that read_public_jwk refuses, Unavailable where OpenSSL fails.
Result<std::string> encrypt_jwe(std::string_view jwk, const SecretString& value);

// A key that opens what was encrypted to its `jwk`. Its private part is wiped with it.
struct OneTimeKey {
  KeyPtr pair;
  std::string
      jwk;  // public: {"kty":"EC","crv":"P-256","x":…,"y":…,"use":"enc","alg":"ECDH-ES","kid":…}
};
// Errors: Unavailable where OpenSSL fails.
Result<OneTimeKey> generate_one_time_key(std::string_view kid);

// Opens a JWE of ECDH-ES and A256GCM. Errors: Decode, with the reason: no such JWE, one for another
// key, or a changed one.
Result<SecretString> decrypt_jwe(const OneTimeKey& key, std::string_view jwe);

}  // namespace apitoken::core
