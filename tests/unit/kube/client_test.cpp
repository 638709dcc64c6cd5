#include "kube/client.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "support/fake_transport.hpp"

namespace apitoken::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kAlreadyExists =
    R"({"kind":"Status","code":409,"reason":"AlreadyExists",
        "message":"secrets \"x\" already exists"})";

class ClientTest : public testing::Test {
 protected:
  Error failed_get(int status, std::string body, std::optional<Seconds> retry_after = {}) {
    transport_.answer(status, std::move(body), retry_after);
    const auto answer = client_.get(resources::kSecrets, {"team-a", "x"}, {});
    EXPECT_FALSE(answer.has_value());
    return answer ? Error{} : answer.error();
  }

  FakeTransport transport_;
  CountingObserver observer_;
  Client client_{transport_, observer_};
};

TEST_F(ClientTest, GivesTheBodyOfASuccess) {
  transport_.answer(200, "{}");
  EXPECT_EQ(client_.get(resources::kSecrets, {"team-a", "x"}, {}, kMetadataAccept).value(), "{}");
  const auto request = transport_.requests().at(0);
  EXPECT_EQ(request.target, "/api/v1/namespaces/team-a/secrets/x");
  EXPECT_EQ(request.accept, kMetadataAccept);
}

TEST_F(ClientTest, EachStatusHasItsKind) {
  const std::map<int, ErrorKind> kinds = {
      {400, ErrorKind::Invalid},     {401, ErrorKind::Unauthorized}, {403, ErrorKind::Forbidden},
      {404, ErrorKind::NotFound},    {405, ErrorKind::Invalid},      {408, ErrorKind::Unavailable},
      {409, ErrorKind::Conflict},    {410, ErrorKind::Gone},         {413, ErrorKind::Invalid},
      {422, ErrorKind::Invalid},     {429, ErrorKind::Throttled},    {500, ErrorKind::Internal},
      {503, ErrorKind::Unavailable}, {504, ErrorKind::Unavailable},  {302, ErrorKind::Unavailable}};
  for (const auto& [status, kind] : kinds) EXPECT_EQ(failed_get(status, "").kind, kind) << status;
}

TEST_F(ClientTest, AConflictOnCreateDiffersFromAStaleWrite) {
  EXPECT_EQ(failed_get(409, kAlreadyExists).kind, ErrorKind::AlreadyExists);
  EXPECT_EQ(failed_get(409, R"({"reason":"Conflict","message":"modified"})").kind,
            ErrorKind::Conflict);
}

TEST_F(ClientTest, AForbiddenCallSaysWhichVerbOnWhichResource) {
  transport_.answer(
      403, R"({"reason":"Forbidden","message":"secrets is forbidden: User \"u\" cannot create"})");
  const auto answer = client_.create(resources::kSecrets, "team-a", "{}", {});
  EXPECT_EQ(answer.error().kind, ErrorKind::Forbidden);
  EXPECT_EQ(answer.error().message,
            "create secrets in team-a: secrets is forbidden: User \"u\" cannot create (403)");
}

TEST_F(ClientTest, RetryAfterComesFromTheHeaderElseFromTheBody) {
  const std::string body = R"({"message":"slow","details":{"retryAfterSeconds":7}})";
  EXPECT_EQ(failed_get(429, body, Seconds(3)).retry_after, Seconds(3));
  EXPECT_EQ(failed_get(429, body).retry_after, Seconds(7));
  EXPECT_EQ(failed_get(503, "", Seconds(2)).retry_after, Seconds(2));
  EXPECT_FALSE(failed_get(404, body, Seconds(2)).retry_after.has_value());
}

TEST_F(ClientTest, ABodyThatIsNotAStatusIsShownCutAndOnOneLine) {
  const auto message =
      failed_get(502, "<html>\nBad gateway\x1b[31m" + std::string(1000, 'x')).message;
  EXPECT_THAT(message, HasSubstr("<html> Bad gateway [31m"));
  EXPECT_LT(message.size(), 300U);
  EXPECT_EQ(failed_get(502, "").message, "get secrets x in team-a: the API server answered 502");
}

TEST_F(ClientTest, WritesNameTheFieldManager) {
  transport_.answer(201, "{}");
  transport_.answer(200, "{}");
  transport_.answer(200, "{}");
  ASSERT_TRUE(client_.create(resources::kApiTokens, "a", "{1}", {}));
  ASSERT_TRUE(client_.merge_patch(resources::kApiTokens, {"a", "x"}, "status", "{2}", {}));
  ASSERT_TRUE(client_.update(resources::kLeases, {"a", "x"}, "{3}", {}));
  const auto requests = transport_.requests();
  EXPECT_EQ(requests[0].target,
            "/apis/apitoken.dev/v1alpha1/namespaces/a/apitokens?fieldManager=apitoken-operator");
  EXPECT_EQ(
      requests[1].target,
      "/apis/apitoken.dev/v1alpha1/namespaces/a/apitokens/x/status?fieldManager=apitoken-operator");
  EXPECT_EQ(requests[1].content_type, "application/merge-patch+json");
  EXPECT_EQ(requests[2].method, Method::Put);
  EXPECT_EQ(requests[2].body, "{3}");
  EXPECT_THAT(observer_.seen(), ElementsAre("POST 201", "PATCH 200", "PUT 200"));
}

TEST_F(ClientTest, ADeleteNamesUidAndVersionOfItsObject) {
  transport_.answer(200, "{}");
  ASSERT_TRUE(client_.remove(resources::kApiTokens, {"a", "x"}, "uid-1", "7", {}));
  const auto options = nlohmann::json::parse(transport_.requests().at(0).body);
  EXPECT_EQ(options["preconditions"]["uid"], "uid-1");
  EXPECT_EQ(options["preconditions"]["resourceVersion"], "7");
  EXPECT_EQ(options["propagationPolicy"], "Background");
}

TEST_F(ClientTest, ATransportErrorKeepsItsKindAndIsCounted) {
  transport_.answer({ErrorKind::Unavailable, "127.0.0.1:6443: connection refused", {}});
  const auto answer = client_.list(resources::kApiTokens, "", "limit=500", kJsonAccept, {});
  EXPECT_EQ(answer.error().message,
            "list apitokens.apitoken.dev: 127.0.0.1:6443: connection refused");
  EXPECT_EQ(transport_.requests().at(0).target, "/apis/apitoken.dev/v1alpha1/apitokens?limit=500");
  EXPECT_THAT(observer_.seen(), ElementsAre("GET <error>"));
}

TEST_F(ClientTest, LimitsTheRequestsInFlight) {
  std::atomic<int> now = 0, most = 0;
  std::atomic<bool> open = false;
  const int calls = Client::kMaxInFlight + 20;
  for (int i = 0; i < calls; ++i) {
    transport_.answer([&](const HttpRequest&, std::stop_token) -> Result<HttpResponse> {
      const int in_flight = ++now;
      for (int seen = most; seen < in_flight && !most.compare_exchange_weak(seen, in_flight);) {
      }
      open.wait(false);
      --now;
      return HttpResponse{200, "", {}};
    });
  }
  std::vector<std::jthread> threads;
  for (int i = 0; i < calls; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(client_.get(resources::kSecrets, {"a", "x"}, {})); });
  }
  EXPECT_TRUE(eventually([&] { return now == Client::kMaxInFlight; }));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(client_.get(resources::kSecrets, {"a", "x"}, stop.get_token()).error().kind,
            ErrorKind::Canceled);
  open = true;
  open.notify_all();
  threads.clear();
  EXPECT_EQ(most, Client::kMaxInFlight);
  EXPECT_EQ(transport_.count(), static_cast<std::size_t>(calls));
}

}  // namespace
}  // namespace apitoken::kube
