// Reads the form of a bearer token.
#include "serve/credential.hpp"

#include <algorithm>

#include "api/json.hpp"
#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "core/token_format.hpp"

namespace apitoken::serve {
namespace {

constexpr std::string_view kJwtBegin = "eyJ";  // {" in base64url
constexpr std::string_view kOurPrefix = "apt_";

// 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
bool is_b64token(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter_or_digit(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

bool is_base64url(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter_or_digit(c) || c == '-' || c == '_';
  });
}

std::vector<std::string> audiences_of(api::Json claims) {
  if (auto one = api::read_string(claims, "aud", "aud")) return {std::move(*one)};
  return api::read_string_list(claims, "aud", "aud");
}

// The part as JSON; valid until the parser's next use.
std::optional<api::Json> decode_part(api::JsonParser& parser, std::string_view part) {
  const auto text = base64url_decode(part);
  if (!text) return {};
  const auto json = parser.parse(*text);
  if (!json || !json->is_object()) return {};
  return *json;
}

// A JWS in compact form (RFC 7515) whose header names an algorithm and whose claims are an object.
Credential examine_jwt(std::string_view token) {
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  const auto header = token.substr(0, first);
  const auto claims = token.substr(first + 1, second - first - 1);
  if (!is_base64url(header) || !is_base64url(claims) || !is_base64url(token.substr(second + 1)))
    return {};
  thread_local api::JsonParser parser;
  Credential result;
  const auto head = decode_part(parser, header);
  if (!head) return {};
  const auto algorithm = api::read_string(*head, "alg", "alg");
  if (!algorithm || algorithm->empty() || *algorithm == "none") return {};
  result.kid = api::read_string(*head, "kid", "kid").value_or("");
  const auto body = decode_part(parser, claims);
  if (!body) return {};
  result.audiences = audiences_of(*body);
  result.kind = Credential::Kind::Jwt;
  return result;
}

}  // namespace

Credential examine_credential(std::string_view token) {
  if (token.size() > Credential::kMaxSize || !is_b64token(token)) return {};
  if (token.starts_with(kJwtBegin) && std::ranges::count(token, '.') == 2)
    return examine_jwt(token);
  if (token.starts_with(kOurPrefix) && !core::is_well_formed(token)) return {};
  Credential opaque;
  opaque.kind = Credential::Kind::Opaque;
  return opaque;
}

}  // namespace apitoken::serve
