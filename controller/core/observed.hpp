// Observed: all that the planning of one ApiToken looks at, gathered by reconcile/gather. Values
// only: no clock, no store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/api_token.hpp"
#include "api/secret.hpp"
#include "core/expiry_config.hpp"
#include "core/reserved_names.hpp"

namespace apitoken::core {

struct ObservedSecret {
  api::SecretMeta secret;
  // What its value hashes to ("sha256:…"), where somebody else may have written it and it was read;
  // empty text: the key is gone. Nothing: the operator wrote it last, and the annotation tells the
  // hash.
  std::optional<std::string> value_hash;
};

struct Observed {
  WallTime now{};
  const api::ApiToken& token;
  std::optional<ObservedSecret> secret;      // of the name the token uses, whoever owns it
  std::vector<const ExpiryConfig*> configs;  // that apply to the token; may be empty
  // Notices of the present expiresAt that are delivered and not in the ledger yet.
  std::vector<api::NoticeEntry> delivered_notices;
  const ReservedNames& reserved = default_reserved_names();
};

// Precondition of all reads of configs: where none applies, the built-in one does.
inline std::vector<const ExpiryConfig*> configs_in_force(const Observed& observed) {
  return observed.configs.empty() ? std::vector<const ExpiryConfig*>{&built_in_config()}
                                  : observed.configs;
}

}  // namespace apitoken::core
