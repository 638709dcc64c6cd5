// PublicKeys: what verifiers of JWTs fetch. app fills it; the endpoints ask, on the HTTPS threads.
#pragma once

#include <functional>
#include <string>

namespace apitoken::verify {

struct PublicKeys {
  std::string issuer;                 // the issuer's URL, without a slash at its end; empty: no JWT is issued here
  std::function<std::string()> jwks;  // the JSON Web Key Set (RFC 7517); without waiting
};

}  // namespace apitoken::verify
