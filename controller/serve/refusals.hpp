// Answers that refuse a request, the same for every endpoint. Pure; any thread.
// Source: RFC 6750 section 3 (WWW-Authenticate), RFC 9110
#pragma once

#include "serve/caller_reviews.hpp"
#include "serve/http_message.hpp"

namespace apitoken::serve {

HttpAnswer plain(int status, std::string text);
// The answer 503 with Retry-After: 1.
HttpAnswer unavailable(std::string text);
// 405; `methods` are the allowed ones, separated by commas.
HttpAnswer only(const std::string& methods);
// 401 or 403 with a challenge. `error` is a code of RFC 6750, empty if the request has no
// credential; `more` holds further parameters.
HttpAnswer challenge(int status, std::string_view error, std::string_view more = {});
HttpAnswer invalid_token();
// The answer to a caller who is not admitted. Precondition: `verdict` is not Allowed.
HttpAnswer refuse_caller(CallerReviews::Verdict verdict, const CallerReviews& reviews);

}  // namespace apitoken::serve
