// Verifier: what a presented token says about whoever presents it, or nothing. The endpoints call
// it on the HTTPS threads. Wrong, damaged, expired, revoked and foreign values all take the same
// way: one hash, one look-up.
#pragma once

#include <functional>
#include <span>

#include "core/reserved_names.hpp"
#include "verify/token_index.hpp"

namespace apitoken::verify {

// Whom a valid token speaks for. Views into the ApiToken, which it keeps alive.
struct Verified {
  std::shared_ptr<const api::ApiToken> token;
  std::string_view token_id;
  std::vector<std::string_view> groups;  // without those that a header would change
  WallTime valid_until{};

  const std::string& user() const { return token->spec.user; }
  // Whether all of these scopes (separated by blanks) are the token's.
  bool has_scopes(std::string_view scopes) const;
  // Whether the token is for that audience: one that names none is for all.
  bool is_for(std::string_view audience) const;
};

class Verifier {
 public:
  // Called with each token that verified, and when.
  using Used = std::function<void(const api::ApiToken&, WallTime)>;

  // Whether the key of that ID signs, or signed what may still be out. A JWT whose key was lost
  // verifies nowhere else, and so not here either.
  using HasKey = std::function<bool(std::string_view kid)>;

  // `reserved` outlives the verifier.
  Verifier(const TokenIndex& index, HasKey has_key, Used used,
           const core::ReservedNames& reserved = core::default_reserved_names())
      : index_(index), has_key_(std::move(has_key)), used_(std::move(used)), reserved_(reserved) {}

  // With audiences: only a token that is for one of them verifies.
  std::optional<Verified> verify(std::string_view value,
                                 std::span<const std::string_view> audiences = {}) const;

 private:
  bool may_speak(const api::ApiToken& token) const;

  const TokenIndex& index_;
  const HasKey has_key_;
  const Used used_;
  const core::ReservedNames& reserved_;
};

}  // namespace apitoken::verify
