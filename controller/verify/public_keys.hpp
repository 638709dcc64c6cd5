// PublicKeys: what verifiers of JWTs fetch. app fills it; endpoints and Verifier ask, on the HTTPS
// threads.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace apitoken::verify {

struct PublicKeys {
  std::string issuer;  // the issuer's URL, without a slash at its end; empty: no JWT is issued here
  std::function<std::string()> jwks;  // the JSON Web Key Set (RFC 7517); without waiting
  std::function<bool(std::string_view kid)> has = [](std::string_view) {
    return true;
  };  // whether that key is in it
};

}  // namespace apitoken::verify
