// Encrypting a value to a recipient (spec.secret.encryptTo): CMS EnvelopedData (RFC 5652) in PEM,
// which `openssl cms -decrypt -inform PEM -inkey KEY -recip CERTIFICATE` opens. AES-256-CBC; the
// content key travels by RSA-OAEP with SHA-256, or by ECDH with an ephemeral key and SHA-256 as the
// derivation's hash (RFC 5753). core/recipient calls it, from any thread. No I/O; nothing here
// keeps or logs a value.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::core {

// Whether a value can be encrypted to this certificate, its dates apart. Errors: Invalid, whose
// message continues "spec.secret.encryptTo: ", says why not and what to give: "holds 2
// certificates; give one".
Status check_certificate(std::string_view pem);
// Whether the certificate is valid at `now`. Errors: as above.
Status check_certificate_dates(std::string_view pem, WallTime now);

// Errors: Invalid for a certificate that check_certificate refuses, Unavailable where OpenSSL
// fails.
Result<std::string> encrypt_cms(std::string_view pem, const SecretString& value);

}  // namespace apitoken::core
