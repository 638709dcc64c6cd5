#include "kube/guarded_transport.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support/fake_transport.hpp"
#include "support/watched_clock.hpp"

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;

const HttpRequest kRead{.method = Method::Get, .target = "/api/v1/namespaces?limit=500"};
const HttpRequest kWrite{
    .method = Method::Patch,
    .target = "/apis/apitoken.dev/v1alpha1/namespaces/a/apitokens/b/status?x=y"};
const HttpRequest kLease{.method = Method::Put,
                         .target = "/apis/coordination.k8s.io/v1/namespaces/a/leases/b?x=y"};
const HttpRequest kReview{.method = Method::Post,
                          .target = "/apis/authentication.k8s.io/v1/tokenreviews?x=y"};

class GuardedTransportTest : public ::testing::Test {
 protected:
  WatchedClock clock_;
  std::atomic<bool> leads_ = true;
  FakeTransport* inner_ = new FakeTransport();
  GuardedTransport transport_{std::unique_ptr<Transport>(inner_), [this] { return leads_.load(); },
                              clock_};
};

TEST_F(GuardedTransportTest, OnePauseDelaysAllRequestsButTheLeases) {
  inner_->answer(429, "", 7s);
  EXPECT_EQ(transport_.send(kRead, {})->status, 429);
  std::atomic<int> done = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 4; ++i) {
    inner_->answer(200, "");
    callers.emplace_back([&, i] {
      EXPECT_TRUE(transport_.send(i % 2 == 0 ? kRead : kWrite, {}).has_value());
      ++done;
    });
  }
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(7s, 7s); }));
  inner_->answer(200, "");
  EXPECT_TRUE(transport_.send(kLease, {}).has_value());
  clock_.advance(6999ms);
  std::this_thread::sleep_for(20ms);  // in which no request may go out
  EXPECT_EQ(done, 0);
  EXPECT_EQ(inner_->count(), 2U);
  clock_.advance(1ms);
  EXPECT_TRUE(eventually([&] { return done == 4; }));
}

TEST_F(GuardedTransportTest, AWatchWaitsToo) {
  inner_->answer(429, "", 7s);
  (void)transport_.send(kRead, {});
  std::jthread watch([&](std::stop_token stop) {
    EXPECT_EQ(transport_.stream(kRead, stop, [](std::string_view) { return true; }).error().kind,
              ErrorKind::Canceled);
  });
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(7s, 7s); }));
  EXPECT_EQ(inner_->count(), 1U);
}

TEST_F(GuardedTransportTest, A429WithoutRetryAfterPausesNothingAndALongOneIsLimited) {
  inner_->answer(429, "");
  (void)transport_.send(kRead, {});
  inner_->answer(429, "", 24h);
  (void)transport_.send(kRead, {});
  EXPECT_EQ(inner_->count(), 2U);
  clock_.advance(60s);
  inner_->answer(200, "");
  EXPECT_TRUE(transport_.send(kRead, {}).has_value());
}

TEST_F(GuardedTransportTest, AFollowerWritesOnlyLeasesAndReviews) {
  leads_ = false;
  EXPECT_EQ(transport_.send(kWrite, {}).error().kind, ErrorKind::Canceled);
  EXPECT_EQ(inner_->count(), 0U);
  for (const auto& request : {kRead, kLease, kReview}) {
    inner_->answer(200, "");
    EXPECT_TRUE(transport_.send(request, {}).has_value()) << request.target;
  }
}

TEST_F(GuardedTransportTest, ANameThatLooksLikeALeaseIsNotOne) {
  EXPECT_TRUE(GuardedTransport::is_for_leader(
      {.method = Method::Patch,
       .target = "/apis/apitoken.dev/v1alpha1/namespaces/leases/apitokens/leases/status"}));
  EXPECT_TRUE(GuardedTransport::is_for_leader(
      {.method = Method::Post, .target = "/api/v1/namespaces/a/secrets"}));
  EXPECT_FALSE(GuardedTransport::is_for_leader(kLease));
  EXPECT_FALSE(GuardedTransport::is_for_leader(kReview));
  EXPECT_FALSE(GuardedTransport::is_for_leader(
      {.method = Method::Post, .target = "/apis/authorization.k8s.io/v1/subjectaccessreviews"}));
}

}  // namespace
}  // namespace apitoken::kube
