// Base64 of RFC 4648. Secrets and kubeconfig files use section 4, with padding; JSON Web Tokens use
// section 5, URL-safe and without padding. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace apitoken {

std::string base64_encode(std::string_view bytes);
std::string base64url_encode(std::string_view bytes);
// Skips line breaks and blanks. Empty if `text` is not base64. The caller wipes a secret result.
std::optional<std::string> base64_decode(std::string_view text);
// The same for URL-safe base64.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace apitoken
