// The state of the mint policy by the API server's answers; each change is reported once.
#include "reconcile/mint_policy.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/fake_transport.hpp"
#include "support/manual_clock.hpp"

namespace apitoken::reconcile {
namespace {

using State = MintPolicy::State;
using ::testing::ElementsAre;
using ::testing::EndsWith;

constexpr auto kPolicy = R"({"kind":"PartialObjectMetadata","metadata":{"name":"apitoken-mint"}})";

std::string binding(std::string_view actions, std::string_view policy = "apitoken-mint") {
  return fmt::format(
      R"({{"metadata":{{"name":"apitoken-mint"}},
           "spec":{{"policyName":"{}","validationActions":{}}}}})",
      policy, actions);
}

class MintPolicyTest : public testing::Test {
 protected:
  void answer_binding(std::string body) {
    transport.answer(200, kPolicy);
    transport.answer(200, std::move(body));
  }
  void answer_status(int code, std::string_view reason) {
    transport.answer(
        code,
        fmt::format(R"({{"kind":"Status","code":{},"reason":"{}","message":"no"}})", code, reason));
  }
  // Moves the time until so many requests were made.
  void expect_requests(std::size_t count, SteadyDuration step) {
    ASSERT_TRUE(kube::eventually([&] {
      if (transport.count() < count)
        clock.advance(std::chrono::duration_cast<std::chrono::milliseconds>(step) / 50);
      return transport.count() >= count;
    }));
  }
  void start() {
    thread = std::jthread([this](std::stop_token stop) { policy.run(std::move(stop)); });
  }
  std::vector<State> end() {
    thread.request_stop();
    thread.join();
    return states;
  }

  ManualClock clock{WallTime{std::chrono::seconds(1774355400)}};
  kube::FakeTransport transport;
  kube::CountingObserver observer;
  kube::Client client{transport, observer};
  std::vector<State> states;
  MintPolicy policy{client, clock, [this](State state) { states.push_back(state); }};
  std::jthread thread;
};

TEST_F(MintPolicyTest, ReadsPolicyAndBindingAtOnceAndEveryTenMinutes) {
  answer_binding(binding(R"(["Deny","Audit"])"));
  answer_binding(binding(R"(["Deny"])"));
  start();
  ASSERT_TRUE(kube::eventually([&] { return transport.count() == 2; }));
  const auto begin = clock.steady();
  expect_requests(4, MintPolicy::kInterval);
  EXPECT_GE(clock.steady() - begin, std::chrono::minutes(9));
  EXPECT_THAT(end(), ElementsAre(State::Present));
  EXPECT_THAT(transport.requests()[0].target,
              EndsWith("/validatingadmissionpolicies/apitoken-mint"));
  EXPECT_THAT(transport.requests()[1].target,
              EndsWith("/validatingadmissionpolicybindings/apitoken-mint"));
}

TEST_F(MintPolicyTest, ReportsWhenThePolicyIsMissingAndWhenItIsBack) {
  answer_binding(binding(R"(["Deny"])"));
  answer_status(404, "NotFound");  // the policy
  transport.answer(200, binding(R"(["Deny"])"));
  transport.answer(200, kPolicy);
  answer_status(404, "NotFound");  // the binding
  answer_binding(binding(R"(["Deny"])"));
  start();
  expect_requests(8, MintPolicy::kInterval);
  EXPECT_TRUE(kube::eventually([&] { return transport.count() == 8; }));
  EXPECT_THAT(end(), ElementsAre(State::Present, State::Absent, State::Present));
}

TEST_F(MintPolicyTest, ABindingThatDoesNotDenyCountsAsMissing) {
  for (const auto& body :
       {binding(R"(["Warn","Audit"])"), binding("[]"), binding(R"(["Deny"])", "another"),
        std::string(R"({"metadata":{"name":"apitoken-mint"}})")}) {
    states.clear();
    MintPolicy fresh(client, clock, [this](State state) { states.push_back(state); });
    const auto before = transport.count();
    answer_binding(body);
    std::jthread running([&](std::stop_token stop) { fresh.run(std::move(stop)); });
    ASSERT_TRUE(kube::eventually([&] { return transport.count() == before + 2; }));
    running.request_stop();
    running.join();
    EXPECT_THAT(states, ElementsAre(State::Absent)) << body;
  }
}

TEST_F(MintPolicyTest, AMissingPermissionIsUnknownAndAnOutageChangesNothing) {
  answer_status(403, "Forbidden");
  answer_status(403, "Forbidden");
  for (int i = 0; i < 2; ++i)
    transport.answer(Error{ErrorKind::Unavailable, "connection refused", {}});
  answer_binding(binding(R"(["Deny"])"));
  for (int i = 0; i < 2; ++i)
    transport.answer(Error{ErrorKind::Unavailable, "connection refused", {}});
  start();
  expect_requests(8, MintPolicy::kInterval);
  EXPECT_THAT(end(), ElementsAre(State::Unknown, State::Present));
}

}  // namespace
}  // namespace apitoken::reconcile
