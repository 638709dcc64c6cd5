// What is presented as a token: which key a JWT names, and the text of claims that a token of ours
// carries.
#include "core/jwt.hpp"

#include <nlohmann/json.hpp>

#include "base/base64.hpp"
#include "fuzz/fuzz.hpp"

namespace apitoken::fuzz {
namespace {

const core::SigningKey& key() {
  static const auto instance = core::generate_signing_key();
  require(instance.has_value(), "a key");
  return *instance;
}

}  // namespace

void fuzz(std::string_view input) {
  (void)core::kid_of_jwt(input);
  (void)core::kid_of_jwt(base64_encode(input) +
                         ".e30.AA");  // the input as header, should no padding be needed
  std::string_view rest = input;
  core::JwtClaims claims;
  const std::string issuer(take_part(rest));
  claims.subject = take_part(rest);
  claims.groups = {std::string(take_part(rest))};
  claims.scopes = {std::string(take_part(rest))};
  claims.audiences = {std::string(rest)};
  const auto token = core::sign_jwt(key(), issuer, claims);
  if (token)
    require(core::kid_of_jwt(token->value.reveal()) == key().kid, "a token of ours names its key");
}

}  // namespace apitoken::fuzz
