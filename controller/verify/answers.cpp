// Answers and what is read to give them.
#include "verify/answers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace apitoken::verify {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr std::string_view kNoGroups = "-";

std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode_form(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      result += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      result += text[i] == '+' ? ' ' : text[i];
    }
  }
  return result;
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
  if (!token.spec.scopes.empty()) claims["scope"] = fmt::format("{}", fmt::join(token.spec.scopes, " "));
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

std::string_view bearer_token(std::string_view authorization) {
  const auto scheme = authorization.substr(0, kBearer.size());
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? char(a - 'A' + 'a') : a) == b; };
  if (!std::ranges::equal(scheme, kBearer, same)) return {};
  auto token = authorization.substr(kBearer.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  while (token.ends_with(' ')) token.remove_suffix(1);
  return token;
}

std::optional<std::string> form_field(std::string_view form, std::string_view name) {
  std::optional<std::string> value;
  while (!form.empty()) {
    const auto end = std::min(form.find('&'), form.size());
    const auto pair = form.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    if (decode_form(pair.substr(0, equals)) == name) {
      if (value) return {};
      value = decode_form(pair.substr(std::min(equals + 1, pair.size())));
    }
    form.remove_prefix(std::min(end + 1, form.size()));
  }
  return value;
}

}  // namespace apitoken::verify
