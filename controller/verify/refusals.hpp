// Answers that say no, alike at every endpoint over HTTPS. Pure; any thread.
// Source: RFC 6750 section 3 (WWW-Authenticate), RFC 9110
#pragma once

#include "verify/callers.hpp"
#include "verify/https_server.hpp"

namespace apitoken::verify {

HttpsAnswer plain(int status, std::string text);
// 503, to be tried again in a second.
HttpsAnswer unavailable(std::string text);
// 405: no other method than these, separated by commas.
HttpsAnswer only(const char* methods);
// 401 or 403 with a challenge. `error` of RFC 6750, empty where nothing was presented; `more`: further parameters.
HttpsAnswer challenge(int status, std::string_view error, std::string_view more = {});
HttpsAnswer invalid_token();
// For any verdict but Allowed.
HttpsAnswer refuse_caller(Callers::Verdict verdict, const Callers& callers);

}  // namespace apitoken::verify
