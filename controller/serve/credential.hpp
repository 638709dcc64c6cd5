// Credential: what a bearer token looks like, before kube-apiserver reviews it. CallerReviews
// examines each token that it does not know yet, on the HTTPS threads. Pure: it checks no signature
// and keeps nothing.
//
// kube-apiserver accepts JWTs (service accounts, OIDC), static and bootstrap tokens, and tokens of
// its webhook: text of any form, but each is a b64token of RFC 6750 section 2.1. Source:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace apitoken::serve {

struct Credential {
  enum class Kind {
    None,    // no API server can accept it, so no review is sent
    Opaque,  // a token of another form
    Jwt,
  };
  // Longer than real tokens: an OIDC token with two hundred groups has about ten thousand bytes.
  static constexpr std::size_t kMaxSize = 16 * 1024;

  Kind kind = Kind::None;
  std::string kid;                     // of a JWT: its header kid, unverified
  std::vector<std::string> audiences;  // of a JWT: its claim aud, unverified
};

Credential examine_credential(std::string_view token);

}  // namespace apitoken::serve
