// The format of an Opaque token, and what is derived from a value: hash, hint. reconcile/execute
// mints with it, on any thread. Keeps no value.
//
//   apt_ + 40 base62 characters from the operating system's random source (238 bits) + 6 base62
//   characters of checksum
//
// The checksum is the CRC-32 (IEEE 802.3) of those 40 characters in base62, most significant digit
// first, left-padded with "0". GitHub published this scheme in 2021; with it, secret scanners
// recognise and check a token offline.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::core {

struct MintedToken {
  SecretString value;
  std::string id;    // 8 random base62 characters, independent of the value: public
  std::string hash;  // "sha256:<64 hex digits>" of the whole value
  std::string hint;  // "…" and the last four characters
};

// Errors: Unavailable if the random source fails.
Result<MintedToken> mint_opaque_token();
// The public ID alone, for a token of another format. Errors: as above.
Result<std::string> mint_token_id();
// The part of a value that people may see.
std::string token_hint(std::string_view value);

// The token hash, as in status.tokenHash.
std::string token_hash(std::string_view value);

// True if prefix, length, alphabet and checksum are right. Does not say whether the token is valid.
bool is_well_formed(std::string_view value);

}  // namespace apitoken::core
