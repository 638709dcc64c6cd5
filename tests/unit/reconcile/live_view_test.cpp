#include "reconcile/live_view.hpp"

#include <gtest/gtest.h>

#include "support/fake_transport.hpp"

namespace apitoken::reconcile {
namespace {

class LiveViewTest : public testing::Test {
 protected:
  LiveViewTest() {
    token_.meta.ns = "team-a";
    token_.meta.name = "ci";
  }
  std::size_t requests_of_a_refresh() {
    (void)live_.refresh_if_doubtful(token_, {});
    return transport_.count();
  }

  api::ApiToken token_;
  kube::FakeTransport transport_;
  kube::CountingObserver observer_;
  kube::Client client_{transport_, observer_};
  Stores stores_;
  OwnWrites own_writes_;
  LiveView live_{client_, stores_, own_writes_};
};

TEST_F(LiveViewTest, ReadsNothingWithoutAFailedWrite) { EXPECT_EQ(requests_of_a_refresh(), 0U); }

TEST_F(LiveViewTest, ReadsAfterAWriteOfUnknownResult) {
  transport_.answer(200, R"({"items":[],"metadata":{"resourceVersion":"1"}})");
  live_.write_failed(token_.meta.key(), ErrorKind::Unavailable);
  EXPECT_EQ(requests_of_a_refresh(), 1U);
}

TEST_F(LiveViewTest, ReadsNothingAfterARefusal) {
  live_.write_failed(token_.meta.key(), ErrorKind::Forbidden);
  EXPECT_EQ(requests_of_a_refresh(), 0U);
}

TEST_F(LiveViewTest, AnotherTokenOfTheNameOfADeletedOneIsNotDoubtful) {
  live_.write_failed(token_.meta.key(), ErrorKind::Unavailable);
  live_.remove(token_.meta.key());
  EXPECT_EQ(requests_of_a_refresh(), 0U);
}

TEST_F(LiveViewTest, MayLackAValueWhileOneIsPublished) {
  EXPECT_FALSE(live_.may_lack_a_value());
  {
    const LiveView::Publishing one(live_);
    const LiveView::Publishing another(live_);
    EXPECT_TRUE(live_.may_lack_a_value());
  }
  EXPECT_FALSE(live_.may_lack_a_value());
}

TEST_F(LiveViewTest, MayLackAValueUntilAWriteOfUnknownResultIsLookedUp) {
  live_.write_failed(token_.meta.key(), ErrorKind::Unavailable);
  live_.write_failed(token_.meta.key(), ErrorKind::Unavailable);
  EXPECT_TRUE(live_.may_lack_a_value());
  transport_.answer(503, "");
  EXPECT_FALSE(live_.refresh_if_doubtful(token_, {}));
  EXPECT_TRUE(live_.may_lack_a_value());
  token_.meta.uid = "u";
  token_.meta.resource_version = "7";
  transport_.answer(200, R"({"items":[{"metadata":{"namespace":"team-a","name":"ci","uid":"u",
                             "resourceVersion":"7"},"spec":{}}]})");
  transport_.answer(404, "");
  const auto looked_up = live_.refresh_if_doubtful(token_, {});
  EXPECT_TRUE(looked_up) << looked_up.error().message;
  EXPECT_FALSE(live_.may_lack_a_value());
  live_.write_failed(token_.meta.key(), ErrorKind::Forbidden);
  EXPECT_FALSE(live_.may_lack_a_value());
}

}  // namespace
}  // namespace apitoken::reconcile
