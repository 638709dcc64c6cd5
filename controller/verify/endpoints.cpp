// Requests to answers.
#include "verify/endpoints.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/jwt.hpp"
#include "verify/answers.hpp"
#include "verify/refusals.hpp"

namespace apitoken::verify {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kAudience = "audience";  // parameters of /auth
constexpr std::string_view kScope = "scope";
constexpr std::chrono::seconds kLogEvery{1};

HttpsAnswer json(int status, std::string body) {
  return {status, std::string(kJson), std::move(body), {{"Cache-Control", "no-store"}}};
}

HttpsAnswer not_yet() { return unavailable("the ApiTokens are not listed yet; try again\n"); }

// RFC 6749 section 3.3: what a scope may hold, and blanks between scopes.
bool is_scope(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

// Envoy appends the path that was asked for to its own, and keeps the method.
bool is_auth(std::string_view path) { return path == "/auth" || path.starts_with("/auth/"); }

// A parameter that stands there twice: the proxy and we might each take another of the two.
bool is_repeated(const HttpsRequest& request, std::string_view name) {
  return std::ranges::count(request.query, name, [](const auto& pair) { return pair.first; }) > 1;
}

bool is_form(std::string_view content_type) {
  return content_type.substr(0, std::min(content_type.find(';'), content_type.size())) == kForm;
}

}  // namespace

HttpsReply Endpoints::serve(const HttpsRequest& request) {
  if (is_auth(request.path)) return is_synced() ? about_token(request) : not_yet();
  if (request.path == "/tokenreview" || request.path == "/introspect") {
    if (request.method != "POST") return only("POST");
    return is_synced() ? about_token(request) : not_yet();
  }
  return publish(request);
}

HttpsReply Endpoints::about_token(const HttpsRequest& request) {
  if (request.path == "/introspect") return introspect(request);
  if (is_auth(request.path)) return settle(Endpoint::Auth, [this, &request] { return authorize(request); });
  return settle(Endpoint::TokenReview, [this, &request] { return review(request); });
}

// A mint stands in the status before it stands in the Secret, but the watch may bring it later than somebody reads the
// Secret. All tokens that do not verify are kept back alike, whatever they look like, so that the time tells nothing.
template <typename Judge>
HttpsReply Endpoints::settle(Endpoint endpoint, Judge judge) const {
  const auto since = clock_.steady();
  auto judged = judge();
  const bool may_change = judged.outcome == Outcome::Invalid && judged.is_of_token && follows_();
  if (!may_change) return counted(endpoint, since, std::move(judged));
  return KeptBack([this, endpoint, since, judge](bool last) -> std::optional<HttpsAnswer> {
    auto again = judge();
    if (again.outcome == Outcome::Invalid && !last) return {};
    return counted(endpoint, since, std::move(again));
  });
}

bool Endpoints::is_synced() {
  if (!has_synced_ && synced_()) has_synced_ = true;
  return has_synced_;
}

Endpoints::Judged Endpoints::review(const HttpsRequest& request) {
  thread_local api::JsonParser parser;
  const auto body = parser.parse(request.body);
  auto question =
      body ? api::decode_token_question(*body) : fail(ErrorKind::Decode, "the body is no JSON; send a TokenReview");
  if (!question) {
    log_malformed(question.error().message);
    return {plain(400, question.error().message + "\n"), Outcome::Malformed};
  }
  const std::vector<std::string_view> audiences(question->audiences.begin(), question->audiences.end());
  const auto verified = verifier_.verify(question->token.reveal(), audiences);
  const auto verdict = verified ? token_verdict(*verified, question->audiences) : api::TokenVerdict{};
  return {json(200, api::encode_token_verdict(question->api_version, verdict)),
          verified ? Outcome::Valid : Outcome::Invalid};
}

Endpoints::Judged Endpoints::authorize(const HttpsRequest& request) const {
  for (const std::string_view name : {kAudience, kScope}) {
    if (is_repeated(request, name)) {
      return {plain(400, fmt::format("the parameter {} stands there more than once; give it once\n", name)),
              Outcome::Malformed};
    }
  }
  const auto token = bearer_token(request.authorization);
  if (token.empty()) return {challenge(401, ""), Outcome::Invalid, false};
  const auto audience = request.parameter(kAudience);
  const auto verified = audience.empty() ? verifier_.verify(token) : verifier_.verify(token, {{audience}});
  if (!verified) return {invalid_token(), Outcome::Invalid};
  if (const auto scope = request.parameter(kScope); !verified->has_scopes(scope)) {
    const auto shown = is_scope(scope) ? fmt::format(", scope=\"{}\"", scope) : std::string();
    return {challenge(403, "insufficient_scope", shown), Outcome::Denied};
  }
  HttpsAnswer answer{200};
  answer.headers.reserve(3);
  answer.headers.emplace_back("X-Auth-Request-User", verified->user());
  answer.headers.emplace_back("X-Auth-Request-Groups", groups_header(*verified));
  answer.headers.emplace_back("Cache-Control", "no-store");
  return {std::move(answer), Outcome::Valid};
}

HttpsReply Endpoints::introspect(const HttpsRequest& request) {
  const auto since = clock_.steady();
  const auto answer = [this, &request](Callers::Verdict caller) {
    return settle(Endpoint::Introspect,
                  [=, this, &request] { return introspect_for(caller, request.content_type, request.body); });
  };
  if (request.certified()) return answer(Callers::Verdict::Allowed);
  const auto bearer = bearer_token(request.authorization);
  if (bearer.empty()) return counted(Endpoint::Introspect, since, {challenge(401, ""), Outcome::Denied});
  auto admitted = callers_.admit(bearer, request.peer);
  if (const auto* caller = std::get_if<Callers::Verdict>(&admitted)) return answer(*caller);
  // A review takes its time: nothing is kept back beyond.
  return [this, &request, review = std::get<Callers::Review>(std::move(admitted)), since](std::stop_token stop) {
    const auto caller = review(std::move(stop));
    return counted(Endpoint::Introspect, since, introspect_for(caller, request.content_type, request.body));
  };
}

Endpoints::Judged Endpoints::introspect_for(Callers::Verdict caller, std::string_view content_type,
                                            std::string_view body) const {
  if (caller != Callers::Verdict::Allowed) {
    return {refuse_caller(caller, callers_),
            caller == Callers::Verdict::Unavailable ? Outcome::Unavailable : Outcome::Denied};
  }
  auto field = is_form(content_type) ? form_field(body, "token") : std::nullopt;
  if (!field) {
    return {json(400, fmt::format(R"({{"error":"invalid_request","error_description":"send one field token as {}"}})",
                                  kForm)),
            Outcome::Malformed};
  }
  const SecretString token(std::move(*field));
  const auto verified = verifier_.verify(token.reveal());
  return {json(200, introspection(verified, keys_.issuer)), verified ? Outcome::Valid : Outcome::Invalid};
}

HttpsAnswer Endpoints::publish(const HttpsRequest& request) const {
  const bool is_keys = request.path == "/.well-known/jwks.json";
  const bool is_discovery = request.path == "/.well-known/openid-configuration";
  const bool is_known = request.path == "/healthz" || (!keys_.issuer.empty() && (is_keys || is_discovery));
  if (!is_known) return plain(404, "not found\n");
  if (request.method != "GET" && request.method != "HEAD") return only("GET, HEAD");
  if (!is_keys && !is_discovery) return plain(200, "ok\n");
  std::string body = is_keys ? keys_.jwks() : discovery(keys_.issuer);
  if (is_keys && body == core::jwks_document({}))
    return json(200, std::move(body));  // the first key is not to be missed
  return {200, std::string(kJson), std::move(body), {{"Cache-Control", "public, max-age=300"}}};
}

HttpsAnswer Endpoints::counted(Endpoint endpoint, SteadyTime since, Judged judged) const {
  metrics_.verified(endpoint, judged.outcome, clock_.steady() - since);
  return std::move(judged.answer);
}

void Endpoints::log_malformed(std::string_view why) {
  std::size_t others = 0;
  {
    const std::lock_guard lock(log_mutex_);
    const auto now = clock_.steady();
    if (logged_ != SteadyTime{} && now - logged_ < kLogEvery) {
      ++suppressed_;
      return;
    }
    logged_ = now;
    others = std::exchange(suppressed_, 0);
  }
  spdlog::warn("cannot read a TokenReview, answered 400 error={} others_since_last={}", why, others);
}

}  // namespace apitoken::verify
