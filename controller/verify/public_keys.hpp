// PublicKeys: the public keys for verifiers of JWTs. App fills it; Endpoints and Verifier read it
// on the HTTPS threads.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace apitoken::verify {

struct PublicKeys {
  std::string issuer;  // the issuer's URL, without a slash at its end; empty: no JWTs are issued
  std::function<std::string()> jwks;  // the JSON Web Key Set (RFC 7517); does not wait
  // Whether that key is in the set.
  std::function<bool(std::string_view kid)> has = [](std::string_view) { return true; };
};

}  // namespace apitoken::verify
