// The bodies and headers that the verification endpoints answer for a verified token. Pure; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/review.hpp"
#include "verify/verifier.hpp"

namespace apitoken::verify {

// For TokenReview. `asked` are the audiences of the review, of which at least one fits; if it is
// empty, the verdict names the token's own.
api::TokenVerdict token_verdict(const Verified& verified, const std::vector<std::string>& asked);

// For RFC 7662. Only {"active":false} if `verified` is empty. `issuer` may be empty.
std::string introspection(const std::optional<Verified>& verified, const std::string& issuer);

// The fields of OpenID Connect Discovery 1.0 that verifiers of JWTs read.
std::string discovery(const std::string& issuer);

// The groups for a header, separated by commas, without groups that contain a comma; "-" if there
// are none. Never empty: without the header a proxy would pass on the client's own.
std::string groups_header(const Verified& verified);

// The value of a field in an application/x-www-form-urlencoded body; empty if the field is missing
// or is given more than once, which RFC 6749 forbids.
std::optional<std::string> form_field(std::string_view form, std::string_view name);

}  // namespace apitoken::verify
