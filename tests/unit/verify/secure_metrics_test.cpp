#include "verify/secure_metrics.hpp"

#include <gmock/gmock.h>

#include "kube/fake_transport.hpp"
#include "tokens.hpp"

namespace apitoken::verify {
namespace {

using testing::HasSubstr;

class SecureMetricsTest : public testing::Test {
 protected:
  HttpsAnswer ask(HttpsRequest request) {
    auto reply = metrics.serve(request);
    if (auto* answer = std::get_if<HttpsAnswer>(&reply)) return std::move(*answer);
    return std::get<WaitingWork>(reply)({});
  }
  HttpsAnswer get(const char* authorization) { return ask({"GET", "/metrics", authorization, {}, {}, {}}); }
  void answer_reviews(bool authenticated, bool allowed) {
    transport.answer(201, authenticated ? R"({"status":{"authenticated":true,"user":{"username":"prometheus"}}})"
                                        : R"({"status":{"authenticated":false}})");
    if (authenticated) transport.answer(201, allowed ? R"({"status":{"allowed":true}})" : R"({"status":{}})");
  }

  ManualClock clock{kNow};
  kube::FakeTransport transport;
  kube::CountingObserver observer;
  kube::Client client{transport, observer};
  SecureMetrics metrics{
      client,
      [] { return serve::HttpAnswer{.content_type = "text/plain; version=0.0.4", .more = {"a 1\n", "b 2\n"}}; },
      {},
      {},
      clock};
};

TEST_F(SecureMetricsTest, WhoeverMayGetThePathGetsThePage) {
  answer_reviews(true, true);
  const auto answer = get("Bearer good");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4");
  EXPECT_EQ(answer.body, "a 1\nb 2\n");
  EXPECT_THAT(transport.requests().at(1).body,
              HasSubstr(R"("nonResourceAttributes":{"path":"/metrics","verb":"get"})"));
  EXPECT_EQ(get("Bearer good").status, 200) << "remembered: nothing more is asked";
  EXPECT_EQ(transport.count(), 2u);
}

TEST_F(SecureMetricsTest, NobodyElseDoes) {
  EXPECT_EQ(get("").status, 401);
  answer_reviews(false, false);
  EXPECT_EQ(get("Bearer bad").status, 401);
  answer_reviews(true, false);
  const auto forbidden = get("Bearer known");
  EXPECT_EQ(forbidden.status, 403);
  ASSERT_FALSE(forbidden.headers.empty());
  EXPECT_THAT(forbidden.headers.front().second, HasSubstr("the verb get on the path /metrics"));
}

TEST_F(SecureMetricsTest, NothingElseIsThere) {
  EXPECT_EQ(ask({"GET", "/", {}, {}, {}, {}}).status, 404);
  EXPECT_EQ(ask({"POST", "/metrics", {}, {}, {}, {}}).status, 405);
  EXPECT_EQ(transport.count(), 0u);
}

}  // namespace
}  // namespace apitoken::verify
