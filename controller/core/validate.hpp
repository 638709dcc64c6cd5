// The rules of the CRD once more, for objects that reached etcd before a rule existed or while the
// schema was off. Each problem names the field, the value and the remedy. Pure.
#pragma once

#include "api/api_token.hpp"
#include "core/reserved_names.hpp"

namespace apitoken::core {

// Empty: the spec is valid, and what the status says in force still agrees with its immutable
// fields. The dates of a recipient's certificate are another question: they count at each minting,
// and a token outlives them.
api::Problems check_token(const api::ApiToken& token,
                          const ReservedNames& reserved = default_reserved_names());

// Why a value minted at `now` would reach nobody: the certificate of spec.secret.encryptTo is not
// valid then. Empty: it is valid, or there is none.
std::string describe_unusable_recipient(const api::ApiTokenSpec& spec, WallTime now);

// RFC 1123 subdomain, as Kubernetes wants it of most names.
bool is_dns_subdomain(std::string_view name);

}  // namespace apitoken::core
