// The routes of the verification port and their handlers: /tokenreview, /introspect, /auth, keys.
#include "verify/endpoints.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "core/jwt.hpp"
#include "serve/refusals.hpp"
#include "verify/answers.hpp"

namespace apitoken::verify {

using serve::challenge;
using serve::HttpAnswer;
using serve::HttpReply;
using serve::HttpRequest;
using serve::invalid_token;
using serve::plain;

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kAudience = "audience";  // parameters of /auth
constexpr std::string_view kScope = "scope";
constexpr std::chrono::seconds kLogEvery{1};
constexpr std::size_t kMaxShownScope = 1024;  // bytes of a missing scope in the refusal's header

HttpAnswer json(int status, std::string body) {
  return {status, std::string(kJson), std::move(body), {{"Cache-Control", "no-store"}}};
}

HttpAnswer public_json(std::string body) {
  return {200, std::string(kJson), std::move(body), {{"Cache-Control", "public, max-age=300"}}};
}

HttpAnswer not_yet() { return serve::unavailable("the ApiTokens are not listed yet; try again\n"); }

// RFC 6749 section 3.3: the characters of a scope, and blanks between scopes.
bool is_scope(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

// Whether a parameter is given twice: the proxy and we might each use another of the two.
bool is_repeated(const HttpRequest& request, std::string_view name) {
  return std::ranges::count(request.query, name,
                            [](const auto& pair) { return std::string_view(pair.first); }) > 1;
}

bool is_form(std::string_view content_type) {
  return content_type.substr(0, std::min(content_type.find(';'), content_type.size())) == kForm;
}

}  // namespace

std::vector<serve::Route> Endpoints::routes() {
  std::vector<serve::Route> routes{
      {"POST", "/tokenreview", about_token(Endpoint::TokenReview, &Endpoints::review)},
      {"POST", "/introspect", about_token(Endpoint::Introspect, &Endpoints::introspect),
       &introspecting_},
      // Envoy appends the requested path to its own, and keeps the method.
      {"*", "/auth/*", about_token(Endpoint::Auth, &Endpoints::authorize)},
      {"GET", "/healthz", [](const HttpRequest&) { return plain(200, "ok\n"); }},
  };
  if (keys_.issuer.empty()) return routes;
  routes.push_back(
      {"GET", "/.well-known/jwks.json", [this](const HttpRequest&) { return publish_keys(); }});
  routes.push_back({"GET", "/.well-known/openid-configuration",
                    [this](const HttpRequest&) { return public_json(discovery(keys_.issuer)); }});
  return routes;
}

// A token that does not verify may be one that this replica does not know yet. All of them are
// deferred, in any format, so that the time of an answer reveals nothing.
serve::Handler Endpoints::about_token(Endpoint endpoint, Answer answer) {
  return [this, endpoint, answer](const HttpRequest& request) -> HttpReply {
    if (!is_synced()) return not_yet();
    const auto since = clock_.steady();
    const bool may_lack_it = may_lack_a_value_();  // before the look, or it could come in between
    auto answered = (this->*answer)(request);
    const bool may_change =
        may_lack_it && answered.result == VerifyResult::Invalid && answered.is_of_token;
    if (!may_change) return counted(endpoint, since, std::move(answered));
    return deferred_.defer(
        [this, endpoint, since, answer, &request](bool last) -> std::optional<HttpAnswer> {
          auto again = (this->*answer)(request);
          if (again.result == VerifyResult::Invalid && !last) return {};
          return counted(endpoint, since, std::move(again));
        });
  };
}

void Endpoints::introspection_refused(serve::CallerReviews::Verdict verdict,
                                      std::chrono::duration<double> took) {
  const bool unavailable = verdict == serve::CallerReviews::Verdict::Unavailable;
  metrics_.verified(Endpoint::Introspect,
                    unavailable ? VerifyResult::Unavailable : VerifyResult::Denied, took);
}

bool Endpoints::is_synced() {
  if (!has_synced_ && synced_()) has_synced_ = true;
  return has_synced_;
}

Endpoints::Answered Endpoints::review(const HttpRequest& request) {
  api::JsonParser parser;  // destroyed (and wiped) with the token that it read
  const auto body = parser.parse(request.body);
  auto question = body ? api::decode_token_question(*body)
                       : fail(ErrorKind::Decode, "the body is no JSON; send a TokenReview");
  if (!question) {
    log_malformed(question.error().message);
    return {plain(400, question.error().message + "\n"), VerifyResult::Malformed};
  }
  const std::vector<std::string_view> audiences(question->audiences.begin(),
                                                question->audiences.end());
  const auto verified = verifier_.verify(question->token.reveal(), audiences);
  const auto verdict =
      verified ? token_verdict(*verified, question->audiences) : api::TokenVerdict{};
  return {json(200, api::encode_token_verdict(question->api_version, verdict)),
          verified ? VerifyResult::Valid : VerifyResult::Invalid};
}

Endpoints::Answered Endpoints::authorize(const HttpRequest& request) {
  for (const std::string_view name : {kAudience, kScope}) {
    if (is_repeated(request, name)) {
      return {plain(400, fmt::format("the parameter {} stands there more than once; give it once\n",
                                     name)),
              VerifyResult::Malformed};
    }
  }
  const auto token = request.bearer_token();
  if (token.empty()) return {challenge(401, ""), VerifyResult::Invalid, false};
  const auto audience = request.parameter(kAudience);
  const auto verified =
      audience.empty() ? verifier_.verify(token) : verifier_.verify(token, {{audience}});
  if (!verified) return {invalid_token(), VerifyResult::Invalid};
  if (const auto scope = request.parameter(kScope); !verified->has_scopes(scope)) {
    const auto shown = is_scope(scope) && scope.size() <= kMaxShownScope
                           ? fmt::format(", scope=\"{}\"", scope)
                           : std::string();
    return {challenge(403, "insufficient_scope", shown), VerifyResult::Denied};
  }
  HttpAnswer answer{200};
  answer.headers.reserve(3);
  answer.headers.emplace_back("X-Auth-Request-User", verified->user());
  answer.headers.emplace_back("X-Auth-Request-Groups", groups_header(*verified));
  answer.headers.emplace_back("Cache-Control", "no-store");
  return {std::move(answer), VerifyResult::Valid};
}

Endpoints::Answered Endpoints::introspect(const HttpRequest& request) {
  auto field =
      is_form(request.header("Content-Type")) ? form_field(request.body, "token") : std::nullopt;
  if (!field) {
    return {
        json(
            400,
            fmt::format(
                R"({{"error":"invalid_request","error_description":"send one field token as {}"}})",
                kForm)),
        VerifyResult::Malformed};
  }
  const SecretString token(std::move(*field));
  const auto verified = verifier_.verify(token.reveal());
  return {json(200, introspection(verified, keys_.issuer)),
          verified ? VerifyResult::Valid : VerifyResult::Invalid};
}

HttpAnswer Endpoints::publish_keys() const {
  std::string body = keys_.jwks();
  // Without keys the answer must not be cached, so that verifiers see the first key at once.
  if (body == core::jwks_document({})) return json(200, std::move(body));
  return public_json(std::move(body));
}

HttpAnswer Endpoints::counted(Endpoint endpoint, SteadyTime since, Answered answered) const {
  metrics_.verified(endpoint, answered.result, clock_.steady() - since);
  return std::move(answered.answer);
}

void Endpoints::log_malformed(std::string_view why) {
  std::size_t others = 0;
  {
    const MutexLock lock(log_mutex_);
    const auto now = clock_.steady();
    if (logged_ != SteadyTime{} && now - logged_ < kLogEvery) {
      ++suppressed_;
      return;
    }
    logged_ = now;
    others = std::exchange(suppressed_, 0);
  }
  log::warn("cannot read a TokenReview, answered 400",
            {{"error", why}, {"others_since_last", others}});
}

}  // namespace apitoken::verify
