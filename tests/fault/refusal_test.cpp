// An API server that always refuses one kind of write, and what the TokenWorker does then.
#include <gtest/gtest.h>

#include <thread>

#include "fault/testbed.hpp"

namespace apitoken::reconcile {
namespace {

class Refusal : public ::testing::Test {
 protected:
  // Runs one pass of the worker, then shuts the queue down.
  void pass() {
    testbed_.process->observe();
    kube::Workqueue queue(testbed_.clock, metrics_);
    queue.add({"team-a", "ci"});
    const auto refuse = testbed_.server.refuse;
    testbed_.server.refuse = [&](const kube::HttpRequest& request) {
      const auto code = refuse(request);
      if (code) queue.shut_down();
      return code;
    };
    testbed_.process->work(queue, metrics_);
    testbed_.server.refuse = refuse;
  }
  std::string ready_reason() {
    for (const Json& condition : testbed_.server.objects[kToken]["status"]["conditions"]) {
      if (condition["type"] == "Ready") return condition["reason"];
    }
    return "";
  }

  Testbed testbed_;
  prometheus::Registry registry_;
  serve::ControllerMetrics metrics_{registry_, "apitoken"};
};

TEST_F(Refusal, OfAMintingIsReportedInTheStatus) {
  testbed_.server.refuse = [](const kube::HttpRequest& request) {
    return request.method == kube::Method::Post ? std::optional(403) : std::nullopt;
  };
  pass();
  EXPECT_EQ(ready_reason(), "Pending");
  EXPECT_NE(testbed_.server.objects[kToken]["status"].dump().find("minting failed"),
            std::string::npos);
}

TEST_F(Refusal, OfAMintingIsRetriedByBackoffEvenIfAWarningIsDue) {
  testbed_.spec({{"ttl", "1h"}});
  int refused = 0;
  testbed_.server.refuse = [&](const kube::HttpRequest& request) {
    if (request.method != kube::Method::Post) return std::optional<int>();
    ++refused;
    return std::optional(403);
  };
  testbed_.process->observe();
  kube::Workqueue queue(testbed_.clock, metrics_);
  queue.add({"team-a", "ci"});
  std::jthread worker([&] { testbed_.process->work(queue, metrics_); });
  std::this_thread::sleep_for(300ms);  // time for a second try, while the clock stands still
  queue.shut_down();
  worker.join();
  EXPECT_EQ(refused, 1) << "retried although the time did not move";
}

TEST_F(Refusal, OfARotationByAFailingWebhookIsReportedToo) {
  testbed_.settle();
  testbed_.server.edit(kToken, [](Json& token) {
    token["metadata"]["annotations"]["apitoken.dev/rotate-requested-at"] = "2026-03-24T12:00:00Z";
  });
  testbed_.server.refuse = [](const kube::HttpRequest& request) {
    const bool secret = request.target.find("/secrets/") != std::string::npos;
    return request.method == kube::Method::Patch && secret ? std::optional(500) : std::nullopt;
  };
  pass();
  EXPECT_EQ(ready_reason(), "Rotated");
  EXPECT_NE(testbed_.server.objects[kToken]["status"].dump().find(
                "the rotation is not in the Secret yet"),
            std::string::npos);
}

TEST_F(Refusal, OfDeletingTheSecretLeavesTheTokenRevoked) {
  testbed_.settle();
  testbed_.spec({{"revoked", true}});
  testbed_.server.refuse = [](const kube::HttpRequest& request) {
    return request.method == kube::Method::Delete ? std::optional(403) : std::nullopt;
  };
  for (int i = 0; i < 3; ++i) {
    pass();
    EXPECT_EQ(ready_reason(), "Revoked");
    EXPECT_FALSE(testbed_.server.objects[kToken]["status"].contains("tokenHash"));
  }
}

TEST_F(Refusal, OfTheSecretsMetadataDoesNotDelayTheStatus) {
  testbed_.spec({{"ttl", "800h"}});
  testbed_.settle();
  testbed_.spec({{"secret", {{"labels", {{"team", "a"}}}}}});
  testbed_.clock.advance(100h);  // past warnAt
  testbed_.server.refuse = [](const kube::HttpRequest& request) {
    return request.target.find("/secrets/") != std::string::npos ? std::optional(422)
                                                                 : std::nullopt;
  };
  pass();
  EXPECT_EQ(ready_reason(), "ExpiringSoon");
}

}  // namespace
}  // namespace apitoken::reconcile
