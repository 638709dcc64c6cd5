// The recipient of a value (spec.secret.encryptTo): an X.509 certificate in PEM (the value becomes
// CMS) or a public JWK (the value becomes JWE). Callers need not know which. Any thread; no I/O;
// neither keeps nor logs a value.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::core {

// Bits of an RSA key of a recipient. More costs time, and OpenSSL fails above 16384.
constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;

// A JSON object. Any other text is treated as a certificate.
bool is_jwk(std::string_view recipient);

// Checks that a value can be encrypted to the recipient; ignores the certificate's dates. Errors:
// Invalid; the message continues "spec.secret.encryptTo: " ("holds 2 certificates; give one").
Status check_recipient(std::string_view recipient);
// Checks the certificate's dates at `now`; a JWK has none. Precondition: check_recipient() accepted
// the recipient. Errors: as above.
Status check_recipient_dates(std::string_view recipient, WallTime now);

// CMS in PEM, or a compact JWE. Errors: Invalid if check_recipient() refuses the recipient,
// Unavailable if OpenSSL fails.
Result<std::string> encrypt_to(std::string_view recipient, const SecretString& value);

// The key of the Secret that holds the encrypted value.
std::string_view encrypted_key(std::string_view recipient);
// The key that a value under `key` moves to when it becomes the previous value.
std::string_view previous_key(std::string_view key);

}  // namespace apitoken::core
