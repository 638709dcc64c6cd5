// PublicKeys: what verifiers of JWTs fetch. The key ring implements it; the endpoints ask, on the HTTPS threads.
#pragma once

#include <string>

namespace apitoken::verify {

class PublicKeys {
 public:
  virtual ~PublicKeys() = default;
  // The issuer's URL, without a slash at its end; empty: JWTs are not issued here.
  virtual std::string issuer() const = 0;
  // The JSON Web Key Set (RFC 7517): every key whose tokens may still be valid, and those that will sign next.
  virtual std::string jwks() const = 0;
};

}  // namespace apitoken::verify
