// What the verification endpoints say, as text: pure functions of a verified token. The endpoints
// call them, on any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/review.hpp"
#include "verify/verifier.hpp"

namespace apitoken::verify {

// For TokenReview. `asked`: the audiences of the review, of which one at least fits; none: those of
// the token are told.
api::TokenVerdict token_verdict(const Verified& verified, const std::vector<std::string>& asked);

// RFC 7662; nothing verified: {"active":false} and not a word more. `issuer` may be empty.
std::string introspection(const std::optional<Verified>& verified, const std::string& issuer);

// OpenID Connect Discovery 1.0 as far as verifiers of JWTs read it.
std::string discovery(const std::string& issuer);

// Groups for a header: separated by commas, without those that hold one; "-" for none. Never empty:
// a proxy that is answered without the header would let the client's own through.
std::string groups_header(const Verified& verified);

// The value of a field in an application/x-www-form-urlencoded body; nothing where it is missing,
// or stands there more than once, which RFC 6749 forbids.
std::optional<std::string> form_field(std::string_view form, std::string_view name);

}  // namespace apitoken::verify
