// Base64 of RFC 4648: section 4, with padding, as `data` of a Secret and kubeconfig files carry it,
// and section 5, URL-safe and without padding, as JSON Web Tokens do. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace apitoken {

std::string base64_encode(std::string_view bytes);
std::string base64url_encode(std::string_view bytes);
// Line breaks and blanks are skipped; nothing where the text is no base64. The caller wipes what is
// secret.
std::optional<std::string> base64_decode(std::string_view text);
// The same for URL-safe text.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace apitoken
