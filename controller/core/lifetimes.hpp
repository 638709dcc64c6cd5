// How long a token lives: the ttl of its spec, the default of its type, and the ceilings of the
// matching TokenExpiryConfigs. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/api_token.hpp"

namespace apitoken::core {

inline constexpr Seconds kMinTtl{10};
inline constexpr Seconds kMaxPermanentTtl{std::chrono::hours(8760)};
inline constexpr Seconds kMaxTemporaryTtl{std::chrono::hours(24)};

enum class TokenType { Permanent, Temporary };
TokenType token_type(const api::ApiTokenSpec& spec);
std::string_view to_string(TokenType type);
Seconds max_ttl(TokenType type);

// spec.lifetimes of one TokenExpiryConfig for one type.
struct Lifetime {
  std::optional<Seconds> default_ttl;
  std::optional<Seconds> max;
};

// The rule of all matching configs together: the smallest default and the smallest ceiling.
struct LifetimeRule {
  std::optional<Seconds> default_ttl;
  std::optional<Seconds> max;
  std::string max_config;  // the config that has this ceiling

  void narrow(const Lifetime& lifetime, const std::string& config);
};

struct GrantedTtl {
  Seconds ttl{};
  Seconds asked{};  // without the ceiling
  bool cut() const { return ttl < asked; }
};

// Precondition: the spec is valid (see validate.hpp).
GrantedTtl grant_ttl(const api::ApiTokenSpec& spec, const LifetimeRule& rule);

// How long after its expiry the operator deletes the ApiToken. Empty: never.
std::optional<Seconds> delete_after_expiry(const api::ApiTokenSpec& spec);

}  // namespace apitoken::core
