// Reads and writes the messages of OpenID Connect.
#include "portal/oidc.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/base64.hpp"
#include "core/hash.hpp"
#include "core/plain_text.hpp"
#include "kube/resource.hpp"
#include "portal/json_text.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;
using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kHttps = "https://";
constexpr std::size_t kMaxErrorCode = 64;
// The end of the year 9999. Larger numbers are not times.
constexpr double kLastSecond = 253402300799.0;

json parse(std::string_view text) { return json::parse(text, nullptr, false); }

std::vector<std::string> texts_of(const json& object, const char* name) {
  std::vector<std::string> texts;
  const auto found = object.find(name);
  if (found == object.end()) return texts;
  if (found->is_string()) return {found->get<std::string>()};
  if (!found->is_array()) return texts;
  for (const auto& one : *found) {
    if (one.is_string()) texts.push_back(one.get<std::string>());
  }
  return texts;
}

std::optional<WallTime> time_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return {};
  const double seconds = found->get<double>();
  if (!(seconds >= 0 && seconds <= kLastSecond)) return {};
  return WallTime(Seconds(static_cast<std::int64_t>(seconds)));
}

std::string form_of(std::initializer_list<Pair> pairs) {
  std::string form;
  for (const auto& [name, value] : pairs) {
    if (value.empty()) continue;
    if (!form.empty()) form += '&';
    form.append(name).append("=").append(kube::percent_encode(value));
  }
  return form;
}

std::string with_query(std::string_view url, const std::string& query) {
  return fmt::format("{}{}{}", url, url.find('?') == url.npos ? '?' : '&', query);
}

// Adds the client's id and secret to `form`. RFC 6749 section 2.3.1: both are form-encoded before
// they become a Basic header.
TokenRequest with_client(const OidcProvider& provider, const OidcClient& client, std::string form) {
  if (client.secret.empty()) {
    return {SecretString(form + "&client_id=" + kube::percent_encode(client.id)), {}};
  }
  SecretString secret(kube::percent_encode(client.secret.reveal()));
  if (provider.secret_in_body) {
    return {SecretString(fmt::format("{}&client_id={}&client_secret={}", form,
                                     kube::percent_encode(client.id), secret.reveal())),
            {}};
  }
  const SecretString pair(fmt::format("{}:{}", kube::percent_encode(client.id), secret.reveal()));
  return {SecretString(std::move(form)), SecretString("Basic " + base64_encode(pair.reveal()))};
}

// The claims of a JWT, or null.
json claims_of(std::string_view token) {
  const auto first = token.find('.');
  const auto second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos) return {};
  const auto payload = base64url_decode(token.substr(first + 1, second - first - 1));
  const auto claims = payload ? parse(*payload) : json();
  return claims.is_object() ? claims : json();
}

std::unexpected<Error> wrong_claim(std::string_view claim, std::string_view why) {
  return fail(ErrorKind::Invalid, fmt::format("the id_token's claim {} {}", claim, why));
}

}  // namespace

std::string discovery_url(std::string_view issuer) {
  while (issuer.ends_with('/')) issuer.remove_suffix(1);
  return fmt::format("{}/.well-known/openid-configuration", issuer);
}

Result<OidcProvider> parse_discovery(std::string_view body, std::string_view issuer) {
  const auto document = parse(body);
  if (!document.is_object())
    return fail(ErrorKind::Decode, fmt::format("{} is no JSON object", discovery_url(issuer)));
  OidcProvider provider{text_at(document, "/issuer"), text_at(document, "/authorization_endpoint"),
                        text_at(document, "/token_endpoint"),
                        text_at(document, "/end_session_endpoint"), false};
  if (provider.issuer != issuer) {
    return fail(
        ErrorKind::Invalid,
        fmt::format("{} names the issuer \"{}\"; --oidc-issuer must be exactly that",
                    discovery_url(issuer), core::cut_text(core::plain_text(provider.issuer), 200)));
  }
  for (const auto& [name, url] : {Pair{"authorization_endpoint", provider.authorization_endpoint},
                                  Pair{"token_endpoint", provider.token_endpoint}}) {
    if (!url.starts_with(kHttps))
      return fail(ErrorKind::Invalid,
                  fmt::format("{}: {} is no https URL", discovery_url(issuer), name));
  }
  if (!provider.end_session_endpoint.starts_with(kHttps)) provider.end_session_endpoint.clear();
  const auto methods = texts_of(document, "token_endpoint_auth_methods_supported");
  const auto knows = [&](std::string_view method) {
    return std::ranges::find(methods, method) != methods.end();
  };
  provider.secret_in_body = !knows("client_secret_basic") && knows("client_secret_post");
  return provider;
}

std::string code_challenge(std::string_view verifier) {
  return base64url_encode(core::sha256_bytes(verifier));
}

std::string authorization_url(const OidcProvider& provider, const OidcClient& client,
                              std::string_view scopes, std::string_view state,
                              std::string_view nonce, std::string_view verifier) {
  return with_query(provider.authorization_endpoint,
                    form_of({{"response_type", "code"},
                             {"client_id", client.id},
                             {"redirect_uri", client.redirect_uri},
                             {"scope", scopes},
                             {"state", state},
                             {"nonce", nonce},
                             {"code_challenge", code_challenge(verifier)},
                             {"code_challenge_method", "S256"}}));
}

TokenRequest code_request(const OidcProvider& provider, const OidcClient& client,
                          std::string_view code, std::string_view verifier) {
  return with_client(provider, client,
                     form_of({{"grant_type", "authorization_code"},
                              {"code", code},
                              {"redirect_uri", client.redirect_uri},
                              {"code_verifier", verifier}}));
}

TokenRequest refresh_request(const OidcProvider& provider, const OidcClient& client,
                             std::string_view refresh_token) {
  return with_client(provider, client,
                     form_of({{"grant_type", "refresh_token"}, {"refresh_token", refresh_token}}));
}

Result<TokenAnswer> parse_token_answer(int status, std::string_view body) {
  const auto answer = parse(body);
  if (status != 200) {
    const auto code = answer.is_object() ? text_at(answer, "/error") : "";
    return fail(status >= 500 || status == 429 ? ErrorKind::Unavailable : ErrorKind::Unauthorized,
                fmt::format("the token endpoint answers {}{}{}", status, code.empty() ? "" : ", ",
                            core::cut_text(core::plain_text(code), kMaxErrorCode)));
  }
  if (!answer.is_object())
    return fail(ErrorKind::Decode, "the token endpoint's answer is no JSON object");
  return TokenAnswer{SecretString(text_at(answer, "/id_token")),
                     SecretString(text_at(answer, "/refresh_token"))};
}

Result<IdClaims> read_id_claims(std::string_view id_token) {
  const auto members = claims_of(id_token);
  if (members.is_null()) return fail(ErrorKind::Decode, "the id_token is no JWT");
  const auto expires_at = time_of(members, "exp");
  if (!expires_at) return fail(ErrorKind::Decode, "the id_token has no claim exp");
  return IdClaims{text_at(members, "/iss"), text_at(members, "/sub"),   texts_of(members, "aud"),
                  text_at(members, "/azp"), text_at(members, "/nonce"), *expires_at};
}

Status check_id_claims(const IdClaims& claims, const ExpectedClaims& expected, WallTime now) {
  if (claims.issuer != expected.issuer) return wrong_claim("iss", "names another issuer");
  if (std::ranges::find(claims.audiences, expected.client_id) == claims.audiences.end())
    return wrong_claim("aud", "does not name this portal's client id");
  if (!claims.authorized_party.empty() && claims.authorized_party != expected.client_id)
    return wrong_claim("azp", "names another client");
  const bool refreshed = !expected.subject.empty();
  if (claims.nonce != expected.nonce && !(refreshed && claims.nonce.empty()))
    return wrong_claim("nonce", "is not that of this sign-in");
  if (claims.subject.empty()) return wrong_claim("sub", "is missing");
  if (refreshed && claims.subject != expected.subject)
    return wrong_claim("sub", "names somebody else than at sign-in");
  if (claims.expires_at <= now) return wrong_claim("exp", "is in the past");
  return {};
}

std::optional<WallTime> jwt_end(std::string_view token) {
  const auto claims = claims_of(token);
  return claims.is_null() ? std::nullopt : time_of(claims, "exp");
}

std::string logout_url(const OidcProvider& provider, std::string_view client_id,
                       std::string_view back_to) {
  if (provider.end_session_endpoint.empty()) return {};
  return with_query(provider.end_session_endpoint,
                    form_of({{"client_id", client_id}, {"post_logout_redirect_uri", back_to}}));
}

}  // namespace apitoken::portal
