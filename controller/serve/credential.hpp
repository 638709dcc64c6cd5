// Credential: what a bearer token looks like to kube-apiserver, before that is asked about it.
// CallerReviews examines each token that it does not know yet, on the HTTPS threads. Pure: no
// signature is checked, nothing is kept.
//
// kube-apiserver takes JWTs (service accounts, OIDC), static and bootstrap tokens, and whatever its
// webhook knows: text of any shape, but each is a b64token of RFC 6750 section 2.1. Source:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace apitoken::serve {

struct Credential {
  enum class Kind {
    None,    // no API server can know it: nobody is asked
    Opaque,  // a token of some shape
    Jwt,
  };
  // Longer than any token seen: OIDC tokens with two hundred groups have about ten thousand bytes.
  static constexpr std::size_t kMaxSize = 16 * 1024;

  Kind kind = Kind::None;
  std::string kid;                     // of a JWT: which key signed it, as it says itself
  std::vector<std::string> audiences;  // of a JWT: whom it is for, as it says itself
};

Credential examine_credential(std::string_view token);

}  // namespace apitoken::serve
