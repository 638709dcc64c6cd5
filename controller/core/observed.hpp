// Observed: the whole input of plan_token for one ApiToken. reconcile/gather fills it. Values; no
// clock, no store.
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
  // The token hash of the value in the Secret, if it was read because somebody else may have
  // written it; "": the key is missing. Absent: the operator wrote the value last, its annotation
  // has the hash.
  std::optional<std::string> value_hash;
  // The operator wrote this version with its label, and the cluster stored it without.
  bool label_refused = false;
};

struct Observed {
  WallTime now{};
  const api::ApiToken& token;
  std::optional<ObservedSecret> secret;      // the Secret of that name, of any owner
  std::vector<const ExpiryConfig*> configs;  // that apply to the token; may be empty
  // Notices of the present expiresAt that are delivered and not in the ledger yet.
  std::vector<api::NoticeEntry> delivered_notices;
  const ReservedNames& reserved = default_reserved_names();
};

// The configs that apply, or the built-in one if there is none.
inline std::vector<const ExpiryConfig*> configs_in_force(const Observed& observed) {
  return observed.configs.empty() ? std::vector<const ExpiryConfig*>{&built_in_config()}
                                  : observed.configs;
}

}  // namespace apitoken::core
