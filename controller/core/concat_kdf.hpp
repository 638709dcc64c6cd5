// The Concat KDF: derives the content key of a JWE from an ECDH secret (RFC 7518, section 4.6.2;
// NIST SP 800-56A with SHA-256). core/jwe calls it, on any thread. Pure; wipes its input.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/secret_string.hpp"

namespace apitoken::core {

inline constexpr std::size_t kMaxDerivedKey = 32;  // bytes of one SHA-256 round

// `algorithm` names the cipher of the key ("A256GCM"). `apu` and `apv` are the decoded header
// fields, empty if the header has none. Precondition: bytes <= kMaxDerivedKey.
SecretString concat_kdf(const SecretString& shared, std::string_view algorithm,
                        std::string_view apu, std::string_view apv, std::size_t bytes);

}  // namespace apitoken::core
