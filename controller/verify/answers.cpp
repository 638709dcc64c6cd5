// Writes the answers; reads forms.
#include "verify/answers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "serve/request_head.hpp"

namespace apitoken::verify {
namespace {

constexpr std::string_view kNoGroups = "-";

std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

api::TokenVerdict token_verdict(const Verified& verified, const std::vector<std::string>& asked) {
  const auto& token = *verified.token;
  api::TokenVerdict verdict;
  verdict.authenticated = true;
  verdict.user.name = verified.user();
  verdict.user.uid = token.meta.uid;
  verdict.user.groups.assign(verified.groups.begin(), verified.groups.end());
  verdict.user.extra["apitoken.dev/token-id"] = {std::string(verified.token_id)};
  verdict.user.extra["apitoken.dev/apitoken"] = {token.meta.key().text()};
  if (!token.spec.scopes.empty()) verdict.user.extra["apitoken.dev/scopes"] = token.spec.scopes;
  if (asked.empty()) {
    verdict.audiences = token.spec.audiences;
  } else {
    std::ranges::copy_if(asked, std::back_inserter(verdict.audiences),
                         [&](const std::string& audience) { return verified.is_for(audience); });
  }
  return verdict;
}

std::string introspection(const std::optional<Verified>& verified, const std::string& issuer) {
  if (!verified) return R"({"active":false})";
  const auto& token = *verified->token;
  nlohmann::json claims{{"active", true},
                        {"token_type", "Bearer"},
                        {"sub", verified->user()},
                        {"username", verified->user()},
                        {"client_id", token.meta.key().text()},
                        {"jti", verified->token_id},
                        {"exp", verified->valid_until.time_since_epoch().count()}};
  if (verified->token_id == token.status.token_id && token.status.issued_at) {
    claims["iat"] = token.status.issued_at->time_since_epoch().count();
  }
  if (!token.spec.scopes.empty())
    claims["scope"] = fmt::format("{}", fmt::join(token.spec.scopes, " "));
  if (!token.spec.audiences.empty()) claims["aud"] = token.spec.audiences;
  if (!verified->groups.empty()) claims["groups"] = verified->groups;
  if (!issuer.empty()) claims["iss"] = issuer;
  return dump(claims);
}

std::string discovery(const std::string& issuer) {
  return dump({{"issuer", issuer},
               {"jwks_uri", issuer + "/.well-known/jwks.json"},
               {"introspection_endpoint", issuer + "/introspect"},
               {"response_types_supported", {"id_token"}},
               {"subject_types_supported", {"public"}},
               {"id_token_signing_alg_values_supported", {"ES256"}}});
}

std::string groups_header(const Verified& verified) {
  std::string text;
  for (const auto group : verified.groups) {
    if (group.find(',') != group.npos) continue;
    text.append(text.empty() ? "" : ",").append(group);
  }
  return text.empty() ? std::string(kNoGroups) : text;
}

std::optional<std::string> form_field(std::string_view form, std::string_view name) {
  std::optional<std::string> value;
  while (!form.empty()) {
    const auto end = std::min(form.find('&'), form.size());
    const auto pair = form.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    if (serve::decode_percent(pair.substr(0, equals), true) == name) {
      if (value) return {};
      value = serve::decode_percent(pair.substr(std::min(equals + 1, pair.size())), true);
    }
    form.remove_prefix(std::min(end + 1, form.size()));
  }
  return value;
}

}  // namespace apitoken::verify
