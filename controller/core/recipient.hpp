// The recipient of a value (spec.secret.encryptTo): an X.509 certificate in PEM, to which it is
// encrypted as CMS, or a public JWK, to which it is encrypted as JWE. Validation, planning and
// execute ask here, on any thread, and need not know which of the two it is. No I/O; nothing here
// keeps or logs a value.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::core {

// A JSON object; all else is a certificate.
bool is_jwk(std::string_view recipient);

// Whether a value can be encrypted to it, its dates apart. Errors: Invalid, whose message continues
// "spec.secret.encryptTo: ", says why not and what to give: "holds 2 certificates; give one".
Status check_recipient(std::string_view recipient);
// Whether a value may be encrypted to it at `now`; a JWK has no dates. Precondition and errors: as
// above.
Status check_recipient_dates(std::string_view recipient, WallTime now);

// CMS in PEM, or a compact JWE. Errors: Invalid for what check_recipient refuses, Unavailable where
// OpenSSL fails.
Result<std::string> encrypt_to(std::string_view recipient, const SecretString& value);

// The key of the Secret that the encrypted value stands under.
std::string_view encrypted_key(std::string_view recipient);
// The key that a value under `key` moves to when it becomes the previous one.
std::string_view previous_key(std::string_view key);

}  // namespace apitoken::core
