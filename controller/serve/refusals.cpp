// Answers of 4xx and 503.
#include "serve/refusals.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace apitoken::serve {
namespace {

constexpr std::string_view kRealm = "Bearer realm=\"apitoken\"";

}  // namespace

HttpAnswer plain(int status, std::string text) {
  return {status, "text/plain; charset=utf-8", std::move(text)};
}

HttpAnswer unavailable(std::string text) {
  auto answer = plain(503, std::move(text));
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

HttpAnswer only(const std::string& methods) {
  auto answer = plain(405, fmt::format("only {} is answered here\n", methods));
  answer.headers.emplace_back("Allow", methods);
  return answer;
}

// RFC 6750: no error code if the request has no credential.
HttpAnswer challenge(int status, std::string_view error, std::string_view more) {
  auto answer =
      plain(status, error.empty() ? "a bearer token is wanted\n" : fmt::format("{}\n", error));
  auto value = error.empty() ? std::string(kRealm) : fmt::format("{}, error=\"{}\"", kRealm, error);
  answer.headers = {{"WWW-Authenticate", value.append(more)}, {"Cache-Control", "no-store"}};
  return answer;
}

HttpAnswer invalid_token() {
  return challenge(401, "invalid_token", ", error_description=\"the token is not valid\"");
}

HttpAnswer refuse_caller(CallerReviews::Verdict verdict, const CallerReviews& reviews) {
  switch (verdict) {
    case CallerReviews::Verdict::Unknown:
      return invalid_token();
    case CallerReviews::Verdict::OtherAudience:
      return challenge(
          401, "invalid_token",
          fmt::format(", error_description=\"the token is for other audiences; make one for {}\"",
                      fmt::join(reviews.audiences().names, " or ")));
    case CallerReviews::Verdict::Forbidden:
      return challenge(
          403, "insufficient_scope",
          fmt::format(", error_description=\"the caller lacks {}\"", reviews.permission().text));
    case CallerReviews::Verdict::Unavailable:
    case CallerReviews::Verdict::Allowed:
      break;
  }
  return unavailable("the caller cannot be reviewed now; try again\n");
}

}  // namespace apitoken::serve
