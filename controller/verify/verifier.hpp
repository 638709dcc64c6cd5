// Verifier: finds the user, groups and scopes of a presented token, if the token is valid. The
// endpoints call it on the HTTPS threads. Wrong, damaged, expired, revoked and foreign values all
// take the same path: one hash, one look-up.
#pragma once

#include <functional>
#include <span>

#include "core/reserved_names.hpp"
#include "verify/token_index.hpp"

namespace apitoken::verify {

// The user that a valid token speaks for. For the thread that asked, until it asks again: the
// ApiToken, into which the views point, is in memory that its next look-up uses.
struct Verified {
  const api::ApiToken* token = nullptr;
  std::string_view token_id;
  std::vector<std::string_view> groups;  // without groups that a header would change
  WallTime valid_until{};

  const std::string& user() const { return token->spec.user; }
  // Whether the token has all of these scopes (separated by blanks).
  bool has_scopes(std::string_view scopes) const;
  // Whether the token is for that audience. A token that names no audience is for all.
  bool is_for(std::string_view audience) const;
};

class Verifier {
 public:
  // Called for each valid token, with the time of its use.
  using Used = std::function<void(const api::ApiToken&, WallTime)>;

  // Whether the key of that ID is in the JWK Set. A JWT whose key was lost is not valid here,
  // because other verifiers do not accept it either.
  using HasKey = std::function<bool(std::string_view kid)>;

  // `reserved` outlives the verifier.
  Verifier(const TokenIndex& index, HasKey has_key, Used used,
           const core::ReservedNames& reserved = core::default_reserved_names())
      : index_(index), has_key_(std::move(has_key)), used_(std::move(used)), reserved_(reserved) {}

  // Empty if the token is not valid, or is for none of `audiences` (if any are given).
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
