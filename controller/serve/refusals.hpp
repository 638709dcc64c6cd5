// Answers that say no, alike at every endpoint over HTTPS. Pure; any thread.
// Source: RFC 6750 section 3 (WWW-Authenticate), RFC 9110
#pragma once

#include "serve/caller_reviews.hpp"
#include "serve/http_message.hpp"

namespace apitoken::serve {

HttpAnswer plain(int status, std::string text);
// 503, to be tried again in a second.
HttpAnswer unavailable(std::string text);
// 405: no other method than these, separated by commas.
HttpAnswer only(const std::string& methods);
// 401 or 403 with a challenge. `error` of RFC 6750, empty where nothing was presented; `more`:
// further parameters.
HttpAnswer challenge(int status, std::string_view error, std::string_view more = {});
HttpAnswer invalid_token();
// For any verdict but Allowed.
HttpAnswer refuse_caller(CallerReviews::Verdict verdict, const CallerReviews& reviews);

}  // namespace apitoken::serve
