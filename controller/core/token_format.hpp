// The format of an Opaque token, and everything derived from its value. execute/ mints with it;
// nothing here keeps a value.
//
//   apt_ + 40 base62 characters from the operating system's random source (238 bits) + 6 base62
//   characters of checksum
//
// The checksum is CRC-32 (IEEE 802.3) over those 40 characters in base62, most significant digit
// first, left-padded with "0", after the scheme that GitHub published in 2021, so that secret
// scanners recognise and check a token offline.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::core {

struct MintedToken {
  SecretString value;
  std::string id;    // 8 base62 characters, drawn apart from the value: public
  std::string hash;  // "sha256:<64 hex digits>" of the whole value
  std::string hint;  // "…" and the last four characters
};

// Any thread. Errors: Unavailable when the random source fails.
Result<MintedToken> mint_opaque_token();
// The public handle alone, for a token of another format. Errors as above.
Result<std::string> mint_token_id();
// What people may see of a value.
std::string token_hint(std::string_view value);

// The hash as it stands in status.tokenHash.
std::string token_hash(std::string_view value);

// True for the right prefix, length, alphabet and checksum; says nothing about validity.
bool is_well_formed(std::string_view value);

}  // namespace apitoken::core
