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

}  // namespace
}  // namespace apitoken::reconcile
