#include "serve/health.hpp"

#include <gtest/gtest.h>

#include <mutex>

#include "serve/http_get.hpp"
#include "serve/http_server.hpp"

namespace apitoken::serve {
namespace {

using test::http_request;

TEST(Health, IsReadyWithoutReasonsAndAliveAllTheTime) {
  std::mutex mutex;
  std::vector<std::string> reasons{"apitokens not listed yet", "secrets not listed yet"};
  HttpServer server({.limits = kProbeLimits}, health_routes([&] {
                      const std::lock_guard lock(mutex);
                      return reasons;
                    }));
  ASSERT_TRUE(server.start("--health-probe-bind-address", "127.0.0.1:0"));
  const auto base = "http://" + server.address();

  auto reply = http_request(base + "/readyz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, "not ready: apitokens not listed yet\nnot ready: secrets not listed yet\n");
  EXPECT_EQ(http_request(base + "/healthz").status, 200);
  {
    const std::lock_guard lock(mutex);
    reasons.clear();
  }
  reply = http_request(base + "/readyz");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "ok\n");
}

}  // namespace
}  // namespace apitoken::serve
