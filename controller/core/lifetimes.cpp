// Computes how long a token lives, and when its ApiToken is deleted.
#include "core/lifetimes.hpp"

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"

namespace apitoken::core {
namespace {

constexpr Seconds kDefaultPermanent{std::chrono::hours(8760)};
constexpr Seconds kDefaultTemporary{std::chrono::hours(8)};
constexpr Seconds kTemporaryRecordKept{std::chrono::hours(1)};

std::optional<Seconds> smaller(std::optional<Seconds> a, std::optional<Seconds> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

TokenType token_type(const api::ApiTokenSpec& spec) {
  return spec.type == api::kTemporary ? TokenType::Temporary : TokenType::Permanent;
}

std::string_view to_string(TokenType type) {
  return type == TokenType::Temporary ? api::kTemporary : api::kPermanent;
}

Seconds max_ttl(TokenType type) {
  return type == TokenType::Temporary ? kMaxTemporaryTtl : kMaxPermanentTtl;
}

void LifetimeRule::narrow(const Lifetime& lifetime, const std::string& config) {
  default_ttl = smaller(default_ttl, lifetime.default_ttl);
  if (lifetime.max && (!max || *lifetime.max < *max)) {
    max = lifetime.max;
    max_config = config;
  }
}

GrantedTtl grant_ttl(const api::ApiTokenSpec& spec, const LifetimeRule& rule) {
  const Seconds by_type =
      token_type(spec) == TokenType::Temporary ? kDefaultTemporary : kDefaultPermanent;
  const auto written = spec.ttl ? parse_duration(*spec.ttl) : std::nullopt;
  const Seconds asked = written.value_or(rule.default_ttl.value_or(by_type));
  return {rule.max ? std::min(asked, *rule.max) : asked, asked};
}

std::optional<Seconds> delete_after_expiry(const api::ApiTokenSpec& spec) {
  if (spec.ttl_after_expired) return parse_duration(*spec.ttl_after_expired);
  if (token_type(spec) == TokenType::Temporary) return kTemporaryRecordKept;
  return {};
}

}  // namespace apitoken::core
