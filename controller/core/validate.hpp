// Checks ApiToken specs by the same rules as the CRD, for objects that reached etcd before a rule
// existed. plan_token calls it in each pass, `kubectl apitoken lint` for manifests. Pure.
#pragma once

#include "api/api_token.hpp"
#include "core/reserved_names.hpp"

namespace apitoken::core {

// The problems of the spec, and of immutable fields that differ from the status. Each names the
// field, the value and the remedy ("spec.ttl: \"3d\" is not a duration; write ... like 720h").
// Empty: the spec is valid. Does not check the dates of a recipient's certificate: they matter only
// when a value is minted.
api::Problems check_token(const api::ApiToken& token,
                          const ReservedNames& reserved = default_reserved_names());

// The problem of minting at `now`: the certificate in spec.secret.encryptTo is not valid then.
// Empty: no problem.
std::string describe_unusable_recipient(const api::ApiTokenSpec& spec, WallTime now);

}  // namespace apitoken::core
