#include "verify/endpoints.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "support/captured_log.hpp"
#include "support/fake_transport.hpp"
#include "support/manual_clock.hpp"
#include "support/requests.hpp"
#include "support/tokens.hpp"
#include "verify/answers.hpp"

namespace apitoken::verify {
namespace {

using serve::answer_of;
using serve::header_of;
using serve::HttpAnswer;
using serve::HttpRequest;
using serve::request_of;

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class EndpointsTest : public testing::Test {
 protected:
  EndpointsTest() {
    store.set_listener([this](const auto& change) { index.follow(change); });
    endpoints.introspecting().start();
    auto token = token_of("good");
    token.spec.scopes = {"deploy:write", "deploy:read"};
    token.spec.audiences = {"https://a", "https://b"};
    store.observe("", std::move(token));
  }

  HttpAnswer ask(const HttpRequest& request) { return answer_of(routes.serve(request)); }
  HttpAnswer auth(const std::string& authorization, decltype(HttpRequest::query) query = {}) {
    return ask(request_of("GET", "/auth", authorization, {}, {}, std::move(query)));
  }
  HttpAnswer review(const json& spec, const char* version = "authentication.k8s.io/v1") {
    const auto body = json{{"apiVersion", version}, {"kind", "TokenReview"}, {"spec", spec}}.dump();
    return ask(request_of("POST", "/tokenreview", {}, "application/json", body));
  }
  HttpAnswer introspect(const std::string& body, bool certified = true,
                        const char* authorization = "") {
    auto request =
        request_of("POST", "/introspect", authorization, "application/x-www-form-urlencoded", body);
    request.certified = [certified] { return certified; };
    return ask(request);
  }
  static std::string header(const HttpAnswer& answer, std::string_view name) {
    return header_of(answer, name);
  }

  double value(const std::string& endpoint, const std::string& result) const {
    for (const auto& family : metrics.Collect()) {
      if (family.name != "apitoken_verifications_total") continue;
      for (const auto& metric : family.metric) {
        if (metric.label[0].value == endpoint && metric.label[1].value == result)
          return metric.counter.value;
      }
    }
    return -1;
  }

  ManualClock clock{kNow};
  kube::Store<api::ApiToken> store;
  TokenIndex index{store, clock};
  Verifier verifier{index, [](std::string_view) { return true; },
                    [](const api::ApiToken&, WallTime) {}};
  kube::FakeTransport transport;
  kube::CountingObserver observer;
  kube::Client client{transport, observer};
  serve::CallerReviews reviews{client, serve::kMayIntrospect, {}, clock};
  VerifyMetrics metrics;
  std::string jwks = R"({"keys":[]})";
  PublicKeys keys{"https://tokens.example.com", [this] { return jwks; }};
  bool synced = true;
  DeferredAnswers deferred;
  Endpoints endpoints{verifier, reviews, deferred, keys, metrics, [this] { return synced; }, clock};
  serve::Routes routes{endpoints.routes()};
};

TEST_F(EndpointsTest, AuthAcceptsAValidTokenAndNamesItsUser) {
  const auto answer = auth("Bearer good");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(header(answer, "X-Auth-Request-User"), "alice@example.com");
  EXPECT_EQ(header(answer, "X-Auth-Request-Groups"), "deployers,readers");
  EXPECT_EQ(auth("bearer  good ").status, 200)
      << "the scheme's case and further blanks are ignored";
}

TEST_F(EndpointsTest, AuthRefusesEveryOtherTokenWithTheSameAnswer) {
  auto expired = token_of("expired", "expired");
  expired.status.expires_at = kNow;
  store.observe("", expired);
  const auto foreign = auth("Bearer foreign");
  EXPECT_EQ(foreign.status, 401);
  EXPECT_EQ(header(foreign, "WWW-Authenticate"),
            "Bearer realm=\"apitoken\", error=\"invalid_token\", error_description=\"the token is "
            "not valid\"");
  for (const char* other : {"Bearer expired", "Bearer goo", "Bearer good.", "Bearer apt_0"}) {
    const auto answer = auth(other);
    EXPECT_EQ(answer.status, foreign.status);
    EXPECT_EQ(answer.headers, foreign.headers);
    EXPECT_EQ(answer.body, foreign.body);
  }
}

TEST_F(EndpointsTest, AuthAsksForAMissingToken) {
  for (const char* none : {"", "Bearer", "Bearer ", "Basic Z29vZA==", "good"}) {
    const auto answer = auth(none);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(header(answer, "WWW-Authenticate"), "Bearer realm=\"apitoken\"") << none;
  }
}

TEST_F(EndpointsTest, AuthMayDemandScopesAndAnAudience) {
  EXPECT_EQ(auth("Bearer good", {{"scope", "deploy:write deploy:read"}}).status, 200);
  const auto lacking = auth("Bearer good", {{"scope", "deploy:write admin"}});
  EXPECT_EQ(lacking.status, 403);
  EXPECT_EQ(
      header(lacking, "WWW-Authenticate"),
      "Bearer realm=\"apitoken\", error=\"insufficient_scope\", scope=\"deploy:write admin\"");
  EXPECT_THAT(header(auth("Bearer good", {{"scope", "a\"\r\nX: y"}}), "WWW-Authenticate"),
              Not(HasSubstr("X: y")));
  EXPECT_EQ(auth("Bearer good", {{"audience", "https://b"}}).status, 200);
  EXPECT_EQ(auth("Bearer good", {{"audience", "https://c"}}).status, 401);
}

TEST_F(EndpointsTest, AuthRefusesAParameterThatIsGivenTwice) {
  using Query = decltype(HttpRequest::query);
  for (const Query& query :
       {Query{{"scope", "deploy:write"}, {"scope", "admin"}}, Query{{"scope", ""}, {"scope", ""}},
        Query{{"audience", "https://a"}, {"q", "x"}, {"audience", "https://a"}}}) {
    for (const char* token : {"Bearer good", "Bearer foreign", ""}) {
      const auto answer = auth(token, query);
      EXPECT_EQ(answer.status, 400) << query.front().first << token;
      EXPECT_THAT(answer.body, HasSubstr(query.front().first));
    }
  }
  EXPECT_EQ(auth("Bearer good", {{"q", "x"}, {"q", "y"}}).status, 200) << "others are not ours";
  EXPECT_EQ(value("auth", "malformed"), 9);
}

TEST_F(EndpointsTest, AuthAlwaysAnswersTheGroupsHeader) {
  auto token = token_of("alone", "alone");
  token.spec.groups = {};
  store.observe("", token);
  EXPECT_EQ(header(auth("Bearer alone"), "X-Auth-Request-Groups"), "-");
  token.spec.groups = {"a,admins"};
  token.meta.resource_version = "2";
  store.observe("", token);
  EXPECT_EQ(header(auth("Bearer alone"), "X-Auth-Request-Groups"), "-")
      << "the only one holds a comma";
}

TEST_F(EndpointsTest, AuthAnswersUnderAnyPathBelowForEnvoy) {
  auto request = request_of("DELETE", "/auth/what/was/asked", "Bearer good");
  EXPECT_EQ(ask(request).status, 200);
  request.path = "/authority";
  EXPECT_NE(ask(request).status, 200);
}

TEST_F(EndpointsTest, AGroupWithACommaStandsInNoHeader) {
  auto token = token_of("commas", "commas");
  token.spec.groups = {"a,admins", "b"};
  store.observe("", token);
  EXPECT_EQ(header(auth("Bearer commas"), "X-Auth-Request-Groups"), "b");
}

TEST_F(EndpointsTest, TokenReviewTellsUserAndTheAudiencesThatFit) {
  for (const char* version : {"authentication.k8s.io/v1", "authentication.k8s.io/v1beta1"}) {
    const auto answer =
        review({{"token", "good"}, {"audiences", {"https://b", "https://c"}}}, version);
    EXPECT_EQ(answer.status, 200);
    auto expected = json::parse(R"({"kind":"TokenReview","status":{
        "authenticated":true,"audiences":["https://b"],"user":{
        "username":"alice@example.com","uid":"uid-ci","groups":["deployers","readers"],"extra":{
        "apitoken.dev/token-id":["7Gk2xQ9a"],"apitoken.dev/apitoken":["team-a/ci"],
        "apitoken.dev/scopes":["deploy:write","deploy:read"]}}}})");
    expected["apiVersion"] = version;
    EXPECT_EQ(json::parse(answer.body), expected);
  }
}

TEST_F(EndpointsTest, TokenReviewEchoesAllAudiencesForATokenThatNamesNone) {
  store.observe("", token_of("any", "any"));
  const auto status =
      json::parse(review({{"token", "any"}, {"audiences", {"x", "y"}}}).body)["status"];
  EXPECT_EQ(status["audiences"], (json{"x", "y"}));
}

TEST_F(EndpointsTest, TokenReviewSaysNothingOfTokensThatDoNotVerify) {
  const char* nothing = R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview",)"
                        R"("status":{"authenticated":false}})";
  EXPECT_EQ(review({{"token", "foreign"}}).body, nothing);
  EXPECT_EQ(review({{"token", "good"}, {"audiences", {"https://c"}}}).body, nothing);
}

TEST_F(EndpointsTest, ABrokenTokenReviewGets400AndOneLineASecond) {
  const kube::CapturedLog log;
  for (const char* body :
       {"", "{", R"({"spec":{"token":"apt_secret"}})", R"({"kind":"apt_secret)", "\xff\xfe"}) {
    EXPECT_EQ(ask(request_of("POST", "/tokenreview", {}, "application/json", body)).status, 400)
        << body;
  }
  EXPECT_EQ(log.count("cannot read a TokenReview"), 1) << log.text();
  EXPECT_EQ(log.count("apt_secret"), 0) << log.text();
  clock.advance(std::chrono::seconds(1));
  ask(request_of("POST", "/tokenreview", {}, "application/json", "{"));
  EXPECT_EQ(log.count("others_since_last=4"), 1) << log.text();
}

TEST_F(EndpointsTest, ABrokenTokenReviewIsNeverShown) {
  const kube::CapturedLog log;
  const json sound{{"apiVersion", "authentication.k8s.io/v1"},
                   {"kind", "TokenReview"},
                   {"spec", {{"token", "apt_x"}}}};
  std::vector<json> broken;
  for (const char* field : {"apiVersion", "kind", "spec"}) {
    for (const json& value :
         {json("apt_secret"), json{{"apt_secret", "apt_secret"}}, json{"apt_secret"}}) {
      broken.push_back(sound);
      broken.back()[field] = value;
    }
  }
  for (const json& value : {json{{"token", {"apt_secret"}}}, json{{"token", {{"apt_secret", 1}}}},
                            json{{"token", "apt_secret"}, {"audiences", "apt_secret"}},
                            json{{"token", "apt_secret"}, {"audiences", {{"apt_secret", 1}}}}}) {
    broken.push_back(sound);
    broken.back()["spec"] = value;
  }
  for (const json& body : broken) {
    const auto text = body.dump();
    clock.advance(std::chrono::seconds(1));
    const auto answer = ask(request_of("POST", "/tokenreview", {}, "application/json", text));
    EXPECT_EQ(answer.status, 400) << text;
    EXPECT_THAT(answer.body, Not(HasSubstr("apt_"))) << text;
  }
  EXPECT_EQ(log.count("cannot read a TokenReview"), static_cast<int>(broken.size())) << log.text();
  EXPECT_EQ(log.count("apt_"), 0) << log.text();
}

TEST_F(EndpointsTest, IntrospectionShowsTheClaims) {
  const auto answer = introspect("token_type_hint=access_token&token=g%6Fod");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(header(answer, "Cache-Control"), "no-store");
  const auto seconds = kNow.time_since_epoch().count();
  EXPECT_EQ(json::parse(answer.body), (json{{"active", true},
                                            {"token_type", "Bearer"},
                                            {"sub", "alice@example.com"},
                                            {"username", "alice@example.com"},
                                            {"client_id", "team-a/ci"},
                                            {"jti", "7Gk2xQ9a"},
                                            {"scope", "deploy:write deploy:read"},
                                            {"aud", {"https://a", "https://b"}},
                                            {"groups", {"deployers", "readers"}},
                                            {"iss", "https://tokens.example.com"},
                                            {"iat", seconds},
                                            {"exp", seconds + 3600}}));
}

TEST_F(EndpointsTest, IntrospectionSaysOnlyThatOtherTokensAreNotActive) {
  EXPECT_EQ(introspect("token=foreign").body, R"({"active":false})");
  EXPECT_EQ(introspect("token=").body, R"({"active":false})");
}

TEST_F(EndpointsTest, IntrospectionWantsAFormWithAToken) {
  EXPECT_EQ(introspect("hint=x").status, 400);
  const auto twice = introspect("token=good&token=good");
  EXPECT_EQ(twice.status, 400);
  EXPECT_EQ(json::parse(twice.body)["error"], "invalid_request");
  auto request = request_of("POST", "/introspect", {}, "application/json", "token=good");
  request.certified = [] { return true; };
  EXPECT_EQ(ask(request).status, 400);
}

TEST_F(EndpointsTest, IntrospectionAsksTheApiServerOnceAboutACaller) {
  transport.answer(
      201, R"({"status":{"authenticated":true,"user":{"username":"system:serviceaccount:a:b"}}})");
  transport.answer(201, R"({"status":{"allowed":true}})");
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(introspect("token=good", false, "Bearer caller").status, 200);
  const auto requests = transport.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(requests[0].target, HasSubstr("/apis/authentication.k8s.io/v1/tokenreviews"));
  EXPECT_THAT(requests[1].target, HasSubstr("/apis/authorization.k8s.io/v1/subjectaccessreviews"));
  EXPECT_THAT(requests[1].body, HasSubstr("system:serviceaccount:a:b"));
}

TEST_F(EndpointsTest, IntrospectionRefusesUnknownAndForbiddenCallers) {
  EXPECT_EQ(introspect("token=good", false).status, 401) << "nobody";
  transport.answer(201, R"({"status":{"authenticated":false}})");
  EXPECT_EQ(introspect("token=good", false, "Bearer unknown").status, 401);
  transport.answer(201, R"({"status":{"authenticated":true,"user":{"username":"u"}}})");
  transport.answer(201, R"({"status":{"allowed":false}})");
  const auto refused = introspect("token=good", false, "Bearer other");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(header(refused, "WWW-Authenticate"),
              HasSubstr("verb introspect on apitokens.apitoken.dev"));
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  EXPECT_EQ(introspect("token=good", false, "Bearer third").status, 503);
}

TEST_F(EndpointsTest, AFloodOfUnknownCallersCostsFewApiCallsAndDelaysNoKnownCaller) {
  transport.answer(201, R"({"status":{"authenticated":true,"user":{"username":"u"}}})");
  transport.answer(201, R"({"status":{"allowed":true}})");
  ASSERT_EQ(introspect("token=good", false, "Bearer caller").status, 200);
  for (int i = 0; i < 100; ++i) transport.answer(201, R"({"status":{"authenticated":false}})");
  for (int i = 0; i < 5000; ++i)
    introspect("token=good", false, ("Bearer bad" + std::to_string(i)).c_str());
  EXPECT_EQ(transport.count(), 2 + static_cast<std::size_t>(serve::ReviewBudget::kSourceBurst) - 1);
  EXPECT_EQ(introspect("token=good", false, "Bearer caller").status, 200);
  clock.advance(serve::CallerReviews::kAllowedFor);
  transport.answer(201, R"({"status":{"authenticated":false}})");
  EXPECT_EQ(introspect("token=good", false, "Bearer caller").status, 401)
      << "asked again after a while";
}

TEST_F(EndpointsTest, PublishesKeysAndDiscovery) {
  EXPECT_EQ(ask(request_of("GET", "/.well-known/jwks.json")).body, R"({"keys":[]})");
  const auto found = json::parse(ask(request_of("GET", "/.well-known/openid-configuration")).body);
  EXPECT_EQ(found["issuer"], "https://tokens.example.com");
  EXPECT_EQ(found["jwks_uri"], "https://tokens.example.com/.well-known/jwks.json");
  EXPECT_EQ(ask(request_of("GET", "/healthz")).status, 200);
}

TEST_F(EndpointsTest, AnEmptyKeySetMustNotBeCached) {
  const auto asked_for = [this](const char* path) {
    const auto answer = ask(request_of("GET", path));
    EXPECT_EQ(answer.status, 200);
    return header(answer, "Cache-Control");
  };
  EXPECT_EQ(asked_for("/.well-known/jwks.json"), "no-store");
  EXPECT_EQ(asked_for("/.well-known/openid-configuration"), "public, max-age=300");
  jwks = R"({"keys":[{"kid":"a"}]})";
  EXPECT_EQ(asked_for("/.well-known/jwks.json"), "public, max-age=300");
}

TEST_F(EndpointsTest, AnUnknownPathIsA404ForAnyMethod) {
  for (const char* method : {"GET", "POST", "PUT"}) {
    EXPECT_EQ(ask(request_of(method, "/")).status, 404) << method;
    EXPECT_EQ(ask(request_of(method, "/.well-known/nope")).status, 404) << method;
  }
}

TEST_F(EndpointsTest, AnotherMethodIsA405ThatNamesTheAllowedOnes) {
  const auto allowed = [this](const char* method, const char* path) {
    const auto answer = ask(request_of(method, path));
    EXPECT_EQ(answer.status, 405) << path;
    return header(answer, "Allow");
  };
  for (const char* path :
       {"/healthz", "/.well-known/jwks.json", "/.well-known/openid-configuration"}) {
    EXPECT_EQ(allowed("POST", path), "GET, HEAD");
    EXPECT_EQ(ask(request_of("HEAD", path)).status, 200) << path;
  }
  EXPECT_EQ(allowed("GET", "/tokenreview"), "POST");
  EXPECT_EQ(allowed("HEAD", "/introspect"), "POST");
}

TEST_F(EndpointsTest, AnswersNothingAboutTokensBeforeAllAreListed) {
  synced = false;
  const auto request = request_of("GET", "/auth", "Bearer foreign");
  EXPECT_EQ(ask(request).status, 503);
  synced = true;
  EXPECT_EQ(ask(request).status, 401);
  synced = false;
  EXPECT_EQ(ask(request).status, 401) << "a watch that restarts changes nothing";
}

class FollowingTest : public EndpointsTest {
 protected:
  FollowingTest() { deferred.start(); }

  HttpRequest asked_at(std::string_view path) const {
    if (path == "/auth") return request_of("GET", path, "Bearer late");
    if (path == "/tokenreview")
      return request_of("POST", path, {}, "application/json", review_of_late);
    auto request = request_of("POST", path, {}, "application/x-www-form-urlencoded", "token=late");
    request.certified = [] { return true; };
    return request;
  }
  bool is_deferred(const HttpRequest& request) const {
    const auto reply = following.serve(request);
    return std::holds_alternative<serve::Pending>(reply);
  }

  bool may_lack_a_value = true;
  Endpoints following_endpoints{verifier, reviews,
                                deferred, keys,
                                metrics,  [] { return true; },
                                clock,    [this] { return may_lack_a_value; }};
  serve::Routes following{following_endpoints.routes()};
  const std::string review_of_late =
      R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"late"}})";
};

TEST_F(FollowingTest, AFollowerAsksAgainBeforeItRefuses) {
  for (const std::string path : {"/auth", "/tokenreview", "/introspect"}) {
    const auto request = asked_at(path);
    const auto endpoint = path.substr(1);
    auto reply = following.serve(request);
    EXPECT_EQ(value(endpoint, "invalid"), 0) << "nothing was answered yet";
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(answer_of(std::move(reply)).status, path == "/auth" ? 401 : 200);
    EXPECT_GE(std::chrono::steady_clock::now() - begun, DeferredAnswers::kDeferredFor) << path;
    EXPECT_EQ(value(endpoint, "invalid"), 1);
    reply = following.serve(request);
    store.observe("", token_of("late", "late"));
    EXPECT_EQ(answer_of(std::move(reply)).status, 200);
    EXPECT_EQ(value(endpoint, "valid"), 1);
    store.observe_removal("", token_of("late", "late", "2").meta);
  }
}

TEST_F(FollowingTest, AMissingOrValidTokenIsAnsweredAtOnce) {
  EXPECT_FALSE(is_deferred(request_of("GET", "/auth", "Bearer good")));
  EXPECT_FALSE(is_deferred(request_of("GET", "/auth"))) << "no token";
  EXPECT_FALSE(is_deferred(request_of("GET", "/auth", "Bearer good", {}, {}, {{"scope", "admin"}})))
      << "a scope that the token lacks";
  EXPECT_FALSE(is_deferred(request_of("POST", "/tokenreview", {}, "application/json", "{")));
  may_lack_a_value = false;
  EXPECT_FALSE(is_deferred(request_of("GET", "/auth", "Bearer late")))
      << "this replica knows all values";
}

TEST_F(FollowingTest, AllTokensThatAreNotValidAreDeferred) {
  auto revoked = token_of("revoked", "revoked");
  revoked.spec.revoked = true;
  store.observe("", revoked);
  auto expired = token_of("expired", "expired");
  expired.status.expires_at = kNow;
  store.observe("", expired);
  for (const char* bad : {"Bearer revoked", "Bearer expired", "Bearer goo", "Bearer apt_0",
                          "Bearer eyJhbGciOiJub25lIn0.e30."}) {
    EXPECT_TRUE(is_deferred(request_of("GET", "/auth", bad))) << bad;
  }
  EXPECT_TRUE(
      is_deferred(request_of("GET", "/auth", "Bearer good", {}, {}, {{"audience", "https://c"}})));
}

TEST_F(EndpointsTest, CountsByEndpointAndResultFromZero) {
  EXPECT_EQ(value("auth", "valid"), 0);
  EXPECT_EQ(value("introspect", "unavailable"), 0);
  auth("Bearer good");
  auth("Bearer bad");
  review({{"token", "bad"}});
  EXPECT_EQ(value("auth", "valid"), 1);
  EXPECT_EQ(value("auth", "invalid"), 1);
  EXPECT_EQ(value("tokenreview", "invalid"), 1);
}

TEST(Forms, AreReadAsBrowsersWriteThem) {
  EXPECT_EQ(form_field("a=1&token=x+y%2Bz", "token"), "x y+z");
  EXPECT_EQ(form_field("to%6ben=v&tok=w", "token"), "v");
  EXPECT_EQ(form_field("token", "token"), "");
  EXPECT_EQ(form_field("token=%zz%4", "token"), "%zz%4");
  EXPECT_FALSE(form_field("&&=&tokens=1", "token"));
  EXPECT_FALSE(form_field("", "token"));
  for (const char* twice : {"token=v&token=w", "token=v&a=1&to%6ben=v", "token&token"}) {
    EXPECT_FALSE(form_field(twice, "token")) << twice;
  }
}

}  // namespace
}  // namespace apitoken::verify
