// Which uses are written, and what follows from each answer.
#include "reconcile/last_use_writer.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/rfc3339.hpp"
#include "support/fake_transport.hpp"
#include "support/manual_clock.hpp"
#include "support/tokens.hpp"

namespace apitoken::reconcile {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using verify::kNow;
using verify::token_of;

class LastUseWriterTest : public testing::Test {
 protected:
  LastUseWriterTest() { store.observe("", token_of("good")); }

  // Answers a patch like the API server: the object of token_of() with the written time.
  void expect_write(std::string version) {
    transport.answer([this, version](const kube::HttpRequest& request, std::stop_token) {
      written.push_back(nlohmann::json::parse(request.body)["status"]["lastUsedAt"]);
      const nlohmann::json object{{"metadata",
                                   {{"namespace", "team-a"},
                                    {"name", "ci"},
                                    {"uid", "uid-ci"},
                                    {"resourceVersion", version}}},
                                  {"spec", {{"user", "alice@example.com"}}},
                                  {"status", {{"lastUsedAt", written.back()}}}};
      return kube::HttpResponse{200, object.dump(), {}};
    });
  }
  void use(WallTime when) { used.note(*store.get({"team-a", "ci"}), when); }
  bool status_tells(WallTime when) {
    return kube::eventually([&] {
      clock.advance(LastUseWriter::kRetryAfter);
      return store.get({"team-a", "ci"})->status.last_used_at == when;
    });
  }

  ManualClock clock{kNow};
  kube::Store<api::ApiToken> store;
  kube::FakeTransport transport;
  kube::CountingObserver observer;
  kube::Client client{transport, observer};
  verify::UsedTokens used;
  LastUseWriter writer{client, store, used, clock};
  std::vector<std::string> written;
};

TEST_F(LastUseWriterTest, IsWrittenOnceInTenMinutes) {
  expect_write("2");
  use(kNow);
  use(kNow + seconds(1));
  {
    std::jthread running([this](const std::stop_token& stop) { writer.run(stop); });
    ASSERT_TRUE(status_tells(kNow + seconds(1)));
    use(kNow + minutes(5));
    use(kNow + minutes(10));
    EXPECT_EQ(used.pending(), 0u);
    expect_write("3");
    use(kNow + minutes(10) + seconds(1));
    ASSERT_TRUE(status_tells(kNow + minutes(10) + seconds(1)));
  }
  EXPECT_EQ(written, (std::vector<std::string>{format_rfc3339(kNow + seconds(1)),
                                               format_rfc3339(kNow + minutes(10) + seconds(1))}));
  const auto requests = transport.requests();
  EXPECT_EQ(requests[0].method, kube::Method::Patch);
  EXPECT_THAT(requests[0].target, HasSubstr("/namespaces/team-a/apitokens/ci/status"));
  EXPECT_THAT(requests[0].body, HasSubstr(R"("metadata":{"uid":"uid-ci"})"));
}

TEST_F(LastUseWriterTest, IsKeptUntilThisReplicaLeadsAndDroppedIfAnotherWroteIt) {
  use(kNow);
  EXPECT_EQ(used.pending(), 1u);
  EXPECT_EQ(transport.count(), 0u);
  auto token = token_of("good", "ci", "2");
  token.status.last_used_at = kNow;
  store.observe("", token);
  std::jthread running([this](const std::stop_token& stop) { writer.run(stop); });
  ASSERT_TRUE(kube::eventually([this] { return used.pending() == 0; }));
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(LastUseWriterTest, IsTriedAgainAfterAFailureAndDroppedWithItsToken) {
  transport.answer(503, "{}");
  expect_write("2");
  use(kNow);
  std::jthread running([this](const std::stop_token& stop) { writer.run(stop); });
  ASSERT_TRUE(status_tells(kNow));
  EXPECT_EQ(transport.count(), 2u);
  transport.answer(404, "{}");
  use(kNow + minutes(20));
  ASSERT_TRUE(kube::eventually([this] {
    clock.advance(LastUseWriter::kRetryAfter);
    return transport.count() == 3 && used.pending() == 0;
  }));
}

TEST_F(LastUseWriterTest, AnotherObjectOfTheSameNameIsNotWritten) {
  use(kNow);
  store.observe_removal("", token_of("good", "ci", "2").meta);
  auto other = token_of("other", "ci", "3");
  other.meta.uid = "another";
  store.observe("", other);
  std::jthread running([this](const std::stop_token& stop) { writer.run(stop); });
  ASSERT_TRUE(kube::eventually([this] { return used.pending() == 0; }));
  EXPECT_EQ(transport.count(), 0u);
}

}  // namespace
}  // namespace apitoken::reconcile
