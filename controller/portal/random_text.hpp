// Random text for sessions and sign-in: session ids, state, nonce, PKCE verifier. Any thread.
#pragma once

#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::portal {

// 256 bits of the operating system's random source, as 43 characters of base64url. Errors:
// Unavailable.
Result<SecretString> random_text();

}  // namespace apitoken::portal
