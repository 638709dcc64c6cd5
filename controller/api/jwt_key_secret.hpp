// The Secret in the operator's namespace that holds the keys which sign JWTs: two entries a key,
// "<kid>.pem" with the private key and "<kid>.json" with its times. It names no key as the present
// one: the times tell. Plain values.
#pragma once

#include "api/meta.hpp"
#include "base/secret_string.hpp"

namespace apitoken::api {

struct JwtKeyEntry {
  std::string kid;
  SecretString pem;
  WallTime created{};
  WallTime active_from{};  // signs from then on, until the next one's
};

struct JwtKeySecret {
  ObjectMeta meta;
  std::vector<JwtKeyEntry> keys;     // by active_from, the oldest first
  std::vector<std::string> damaged;  // kids of which an entry is missing or cannot be read
};

// Entries of other names are left alone. Errors: Decode where the metadata cannot be read.
Result<JwtKeySecret> decode_jwt_key_secret(Json secret);

SecretString encode_new_jwt_key_secret(const ObjectKey& key, const JwtKeyEntry& first);
// A merge patch that adds a key (where given) and removes others; `at` gives uid and
// resourceVersion as preconditions.
SecretString encode_jwt_key_patch(const ObjectMeta& at, const JwtKeyEntry* added,
                                  const std::vector<std::string>& removed_kids);

}  // namespace apitoken::api
