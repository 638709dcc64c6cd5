// One hash, one look-up, then what the ApiToken says.
#include "verify/verifier.hpp"

#include <algorithm>

#include "core/jwt.hpp"

namespace apitoken::verify {
namespace {

// Kubernetes' own users and groups. Admission refuses them; nobody is told of one that came past it. A name with blanks
// at its ends is another one after a header: readers of HTTP take them off.
constexpr std::string_view kReserved = "system:";

bool is_plain(std::string_view name) {
  return !name.empty() && !name.starts_with(kReserved) && name.front() != ' ' && name.back() != ' ' &&
         std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

}  // namespace

bool Verified::has_scopes(std::string_view scopes) const {
  while (!scopes.empty()) {
    const auto blank = std::min(scopes.find(' '), scopes.size());
    const auto scope = scopes.substr(0, blank);
    if (!scope.empty() && std::ranges::find(token->spec.scopes, scope) == token->spec.scopes.end()) return false;
    scopes.remove_prefix(std::min(blank + 1, scopes.size()));
  }
  return true;
}

bool Verified::is_for(std::string_view audience) const {
  const auto& audiences = token->spec.audiences;
  return audiences.empty() || std::ranges::find(audiences, audience) != audiences.end();
}

std::optional<Verified> Verifier::verify(std::string_view value, std::span<const std::string_view> audiences) const {
  auto found = index_.find(core::digest_of(value));
  if (!found || !is_plain(found->token->spec.user)) return {};
  if (const auto kid = core::kid_of_jwt(value); kid && !has_key_(*kid)) return {};
  Verified verified{std::move(found->token), {}, {}, found->valid_until};
  const auto& token = *verified.token;
  const auto is_wanted = [&](std::string_view audience) { return verified.is_for(audience); };
  if (!audiences.empty() && std::ranges::none_of(audiences, is_wanted)) return {};
  verified.token_id = found->previous ? token.status.previous->token_id : token.status.token_id;
  std::ranges::copy_if(token.spec.groups, std::back_inserter(verified.groups), is_plain);
  used_(token, index_.now());
  return verified;
}

}  // namespace apitoken::verify
