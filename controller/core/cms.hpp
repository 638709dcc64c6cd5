// Encrypting a value to a recipient (spec.secret.encryptTo): CMS EnvelopedData (RFC 5652) in PEM, which
// `openssl cms -decrypt -inform PEM -inkey KEY -recip CERTIFICATE` opens. AES-256-CBC; the content key travels by
// RSA-OAEP with SHA-256, or by ECDH with an ephemeral key and SHA-256 as the derivation's hash (RFC 5753). Validation
// and execute call it, from any thread. No I/O; nothing here keeps or logs a value.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::core {

// Whether a value can be encrypted to this certificate. Errors: Invalid, whose message continues
// "spec.secret.encryptTo", says why not and what to give: "holds 2 certificates; give one".
Status check_recipient(std::string_view pem, WallTime now);

// Errors: Invalid for a certificate that check_recipient refuses (its dates apart), Unavailable where OpenSSL fails.
Result<std::string> encrypt_to(std::string_view pem, const SecretString& value);

}  // namespace apitoken::core
