// Looks up the hash, then checks the ApiToken.
#include "verify/verifier.hpp"

#include <algorithm>

#include "core/jwt.hpp"
#include "core/plain_text.hpp"

namespace apitoken::verify {
namespace {

// A header cannot carry a name with blanks at its ends: HTTP readers remove them. A name with
// invisible characters looks like another name.
bool is_plain(std::string_view name) {
  return !name.empty() && name.front() != ' ' && name.back() != ' ' && !core::has_invisible(name);
}

}  // namespace

bool Verified::has_scopes(std::string_view scopes) const {
  while (!scopes.empty()) {
    const auto blank = std::min(scopes.find(' '), scopes.size());
    const auto scope = scopes.substr(0, blank);
    if (!scope.empty() && std::ranges::find(token->spec.scopes, scope) == token->spec.scopes.end())
      return false;
    scopes.remove_prefix(std::min(blank + 1, scopes.size()));
  }
  return true;
}

bool Verified::is_for(std::string_view audience) const {
  const auto& audiences = token->spec.audiences;
  return audiences.empty() || std::ranges::find(audiences, audience) != audiences.end();
}

// Admission and the operator refuse these names; a token that passed both is still not valid.
bool Verifier::may_speak(const api::ApiToken& token) const {
  const std::string& user = token.spec.user;
  if (!is_plain(user) || core::is_system_name(user)) return false;
  if (core::claims_to_be_robot(user) && !core::is_robot_of(user, token.meta.ns)) return false;
  return std::ranges::none_of(token.spec.groups,
                              [&](const auto& group) { return reserved_.has_group(group); });
}

std::optional<Verified> Verifier::verify(std::string_view value,
                                         std::span<const std::string_view> audiences) const {
  const auto found = index_.find(core::sha256(value));
  if (!found || !may_speak(*found->token)) return {};
  if (const auto kid = core::kid_of_jwt(value); kid && !has_key_(*kid)) return {};
  Verified verified{found->token, {}, {}, found->valid_until};
  const auto& token = *verified.token;
  const auto is_wanted = [&](std::string_view audience) { return verified.is_for(audience); };
  if (!audiences.empty() && std::ranges::none_of(audiences, is_wanted)) return {};
  verified.token_id = found->previous ? token.status.previous->token_id : token.status.token_id;
  std::ranges::copy_if(token.spec.groups, std::back_inserter(verified.groups), is_plain);
  used_(token, index_.now());
  return verified;
}

}  // namespace apitoken::verify
