// The rules of the CRD once more, for objects that reached etcd before a rule existed or while the schema was off. Each
// problem names the field, the value and the remedy. Pure.
#pragma once

#include "api/api_token.hpp"
#include "core/reserved_names.hpp"

namespace apitoken::core {

// Empty: the spec is valid, and what the status says in force still agrees with its immutable fields. A recipient's
// certificate must be valid when the token is issued, `now` at the first time; that it ends later does not end the
// token.
api::Problems check_token(const api::ApiToken& token, WallTime now,
                          const ReservedNames& reserved = default_reserved_names());

// RFC 1123 subdomain, as Kubernetes wants it of most names.
bool is_dns_subdomain(std::string_view name);

}  // namespace apitoken::core
