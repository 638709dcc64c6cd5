#include "verify/deferred_answers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "support/fake_transport.hpp"
#include "support/requests.hpp"

namespace apitoken::verify {
namespace {

using serve::HttpAnswer;

// Defers everything until `known`.
class DeferredAnswersTest : public testing::Test {
 protected:
  DeferredAnswersTest() { deferred.start(); }

  serve::HttpReply defer() {
    return deferred.defer([this](bool last) -> std::optional<HttpAnswer> {
      if (known) return HttpAnswer{200};
      asked = true;
      if (!last) return {};
      return HttpAnswer{401};
    });
  }
  int status() { return serve::answer_of(defer()).status; }
  // The statuses of so many requests at a time.
  std::vector<int> statuses(std::size_t count) {
    std::vector<int> all(count);
    std::vector<std::jthread> callers;
    for (auto& one : all) callers.emplace_back([this, &one] { one = status(); });
    return callers.clear(), all;
  }

  std::atomic<bool> known = false;
  std::atomic<bool> asked = false;
  DeferredAnswers deferred;
};

TEST_F(DeferredAnswersTest, AnswersAfterAChangeOfTheIndex) {
  int got = 0;
  std::jthread caller([&] { got = status(); });
  ASSERT_TRUE(kube::eventually([this] { return asked.load(); }));
  known = true;
  deferred.index_changed();
  caller.join();
  EXPECT_EQ(got, 200);
}

TEST_F(DeferredAnswersTest, RefusesAfterTheDeadline) {
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(status(), 401);
  EXPECT_GE(std::chrono::steady_clock::now() - before, DeferredAnswers::kDeferredFor);
}

TEST_F(DeferredAnswersTest, AnswersAllRequestsAboveTheLimit) {
  for (const int got : statuses(2 * DeferredAnswers::kMaxDeferred)) EXPECT_EQ(got, 401);
  known = true;
  for (const int got : statuses(4)) EXPECT_EQ(got, 200) << "there is room again";
}

TEST_F(DeferredAnswersTest, AnswersWhenItStopsAndDefersNothingAfterwards) {
  std::vector<int> all;
  std::jthread callers([&] { all = statuses(8); });
  ASSERT_TRUE(kube::eventually([this] { return asked.load(); }));
  deferred.stop();
  callers.join();
  for (const int got : all) EXPECT_EQ(got, 401);
  EXPECT_EQ(status(), 401);
}

TEST_F(DeferredAnswersTest, AnAskThatThrowsIsA500) {
  EXPECT_EQ(serve::answer_of(deferred.defer([](bool) -> std::optional<HttpAnswer> {
              throw std::runtime_error("broken");
            })).status,
            500);
}

}  // namespace
}  // namespace apitoken::verify
