// Encrypts a value to a certificate (spec.secret.encryptTo): CMS EnvelopedData (RFC 5652) in PEM,
// which `openssl cms -decrypt -inform PEM -inkey KEY -recip CERTIFICATE` decrypts. AES-256-CBC; the
// content key is encrypted by RSA-OAEP with SHA-256, or agreed on by ECDH with an ephemeral key and
// SHA-256 as the KDF's hash (RFC 5753). core/recipient calls it, on any thread. No I/O; neither
// keeps nor logs a value.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::core {

// Checks that a value can be encrypted to this certificate; ignores its dates. Errors: Invalid; the
// message continues "spec.secret.encryptTo: " ("holds 2 certificates; give one").
Status check_certificate(std::string_view pem);
// Checks that the certificate is valid at `now`. Errors: as above.
Status check_certificate_dates(std::string_view pem, WallTime now);

// The value as CMS in PEM. Errors: Invalid if check_certificate() refuses the certificate,
// Unavailable if OpenSSL fails.
Result<std::string> encrypt_cms(std::string_view pem, const SecretString& value);

}  // namespace apitoken::core
