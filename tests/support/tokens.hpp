// ApiTokens for the tests of verify/.
#pragma once

#include "api/api_token.hpp"
#include "base/clock.hpp"
#include "core/token_format.hpp"

namespace apitoken::verify {

inline const WallTime kNow{Seconds(1'774'355'400)};

inline api::ApiToken token_of(std::string_view value, std::string name = "ci",
                              std::string version = "1") {
  api::ApiToken token;
  token.meta.ns = "team-a";
  token.meta.name = std::move(name);
  token.meta.uid = "uid-" + token.meta.name;
  token.meta.resource_version = std::move(version);
  token.spec.user = "alice@example.com";
  token.spec.groups = {"deployers", "readers"};
  token.status.token_id = "7Gk2xQ9a";
  token.status.token_hash = core::token_hash(value);
  token.status.issued_at = kNow;
  token.status.expires_at = kNow + std::chrono::hours(1);
  return token;
}

inline api::PreviousToken previous_of(std::string_view value, WallTime valid_until) {
  return {"former00", core::token_hash(value), valid_until, {}};
}

}  // namespace apitoken::verify
