#include "serve/routes.hpp"

#include <gmock/gmock.h>

#include "support/fake_transport.hpp"
#include "support/manual_clock.hpp"
#include "support/requests.hpp"

namespace apitoken::serve {
namespace {

using testing::HasSubstr;

Handler says(std::string text) {
  return
      [text = std::move(text)](const HttpRequest&) { return HttpAnswer{200, "text/plain", text}; };
}

TEST(RoutesTest, FindTheHandlerByPathAndMethod) {
  const Routes routes({{"GET", "/page", says("read")},
                       {"POST", "/page", says("written")},
                       {"*", "/tree/*", says("tree")}});
  const auto ask = [&](std::string_view method, std::string_view path) {
    return answer_of(routes.serve(request_of(method, path)));
  };
  EXPECT_EQ(ask("GET", "/page").body, "read");
  EXPECT_EQ(ask("HEAD", "/page/").body, "read");
  EXPECT_EQ(ask("POST", "/page").body, "written");
  for (const char* below : {"/tree", "/tree/", "/tree/a/b"})
    EXPECT_EQ(ask("DELETE", below).body, "tree") << below;
  for (const char* nowhere : {"/", "", "/pages", "/page/x", "/trees", "/page//"}) {
    EXPECT_EQ(ask("GET", nowhere).status, 404) << nowhere;
  }
  const auto refused = ask("PUT", "/page");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(header_of(refused, "Allow"), "GET, HEAD, POST");
}

// A page for callers who may read metrics.
class PermissionTest : public testing::Test {
 protected:
  PermissionTest() { authorization.start(); }
  HttpAnswer get(const char* bearer) {
    return answer_of(routes.serve(request_of("GET", "/metrics", bearer)));
  }
  void answer_reviews(bool authenticated, bool allowed) {
    transport.answer(
        201, authenticated ? R"({"status":{"authenticated":true,"user":{"username":"prometheus"}}})"
                           : R"({"status":{"authenticated":false}})");
    if (authenticated)
      transport.answer(201, allowed ? R"({"status":{"allowed":true}})" : R"({"status":{}})");
  }

  ManualClock clock{WallTime{Seconds(1'774'355'400)}};
  kube::FakeTransport transport;
  kube::CountingObserver observer;
  kube::Client client{transport, observer};
  CallerReviews reviews{client, kMayReadMetrics, {}, clock};
  std::vector<CallerReviews::Verdict> refused;
  CallerAuthorization authorization{
      reviews, [this](CallerReviews::Verdict verdict, auto) { refused.push_back(verdict); }};
  Routes routes{{{"GET", "/metrics", says("page"), &authorization}}};
};

TEST_F(PermissionTest, ACallerWithThePermissionGetsThePage) {
  answer_reviews(true, true);
  EXPECT_EQ(get("Bearer good").body, "page");
  EXPECT_THAT(transport.requests().at(1).body,
              HasSubstr(R"("nonResourceAttributes":{"path":"/metrics","verb":"get"})"));
  EXPECT_EQ(get("Bearer good").status, 200) << "the verdict is remembered";
  EXPECT_EQ(transport.count(), 2u);
  EXPECT_TRUE(refused.empty());
}

TEST_F(PermissionTest, OtherCallersAreRefused) {
  EXPECT_EQ(get("").status, 401);
  answer_reviews(false, false);
  EXPECT_EQ(get("Bearer bad").status, 401);
  answer_reviews(true, false);
  const auto forbidden = get("Bearer known");
  EXPECT_EQ(forbidden.status, 403);
  EXPECT_THAT(header_of(forbidden, "WWW-Authenticate"),
              HasSubstr("the verb get on the path /metrics"));
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  EXPECT_EQ(get("Bearer third").status, 503);
  using enum CallerReviews::Verdict;
  EXPECT_EQ(refused, (std::vector{Unknown, Unknown, Forbidden, Unavailable}));
}

TEST_F(PermissionTest, ACertificateOfTheClientCaIsEnough) {
  auto request = request_of("GET", "/metrics");
  request.certified = [] { return true; };
  EXPECT_EQ(answer_of(routes.serve(request)).body, "page");
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(PermissionTest, OtherPathsAndMethodsCauseNoReview) {
  EXPECT_EQ(answer_of(routes.serve(request_of("GET", "/", "Bearer good"))).status, 404);
  EXPECT_EQ(answer_of(routes.serve(request_of("POST", "/metrics", "Bearer good"))).status, 405);
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(PermissionTest, OnceStoppedItAnswersThatItCannotReview) {
  authorization.stop();
  EXPECT_EQ(get("Bearer good").status, 503);
}

}  // namespace
}  // namespace apitoken::serve
