// The Secret in the operator's namespace with the keys that sign JWTs. Each key has two entries:
// "<kid>.pem" with the private key and "<kid>.json" with its times. The times decide which key
// signs (core/key_ring). Values.
#pragma once

#include "api/meta.hpp"
#include "base/secret_string.hpp"

namespace apitoken::api {

struct JwtKeyEntry {
  std::string kid;
  SecretString pem;
  WallTime created{};
  WallTime active_from{};  // the key signs from here to the active_from of the next key
};

struct JwtKeySecret {
  ObjectMeta meta;
  std::vector<JwtKeyEntry> keys;     // by active_from, the oldest first
  std::vector<std::string> damaged;  // kids with an entry that is missing or cannot be read
};

// Ignores entries with other names. Errors: Decode if the metadata cannot be read.
Result<JwtKeySecret> decode_jwt_key_secret(Json secret);

SecretString encode_new_jwt_key_secret(const ObjectKey& key, const JwtKeyEntry& first);
// A merge patch that adds the key `added`, if any, and removes keys. uid and resourceVersion of
// `at` are preconditions.
SecretString encode_jwt_key_patch(const ObjectMeta& at, const JwtKeyEntry* added,
                                  const std::vector<std::string>& removed_kids);

}  // namespace apitoken::api
