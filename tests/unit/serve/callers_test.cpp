#include "serve/callers.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/base64.hpp"
#include "kube/fake_transport.hpp"
#include "verify/tokens.hpp"

namespace apitoken::serve {
namespace {

using verify::kNow;

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using Verdict = Callers::Verdict;

std::string jwt(std::string_view kid, const json& audience, std::string_view signature) {
  return base64url_encode(json{{"alg", "RS256"}, {"kid", kid}}.dump()) + "." +
         base64url_encode(json{{"aud", audience}}.dump()) + "." + std::string(signature);
}

class CallersTest : public testing::Test {
 protected:
  void answer_allowed(const json& audiences = json::array()) {
    transport.answer(
        201,
        json{{"status",
              {{"authenticated", true}, {"user", {{"username", "u"}}}, {"audiences", audiences}}}}
            .dump());
    transport.answer(201, R"({"status":{"allowed":true}})");
  }
  void answer_unknown() { transport.answer(201, R"({"status":{"authenticated":false}})"); }

  // Reviews at once where that is needed.
  Verdict judge(const std::string& token, const char* source = "10.0.0.1") {
    auto admitted = callers.admit(token, source);
    if (const auto* verdict = std::get_if<Verdict>(&admitted)) return *verdict;
    return std::get<Callers::Review>(admitted)({});
  }
  bool is_verdict(const std::string& token, const char* source = "10.0.0.1") {
    return std::holds_alternative<Verdict>(callers.admit(token, source));
  }
  // Runs the renewals until the API server was asked `count` times in all.
  void renew_until(std::size_t count) {
    std::jthread renewing([this](std::stop_token stop) { callers.renew(std::move(stop)); });
    for (int i = 0; i < 5000 && transport.count() < count; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(transport.count(), count);
  }

  ManualClock clock{kNow};
  kube::FakeTransport transport;
  kube::CountingObserver observer;
  kube::Client client{transport, observer};
  Callers callers{client, kMayIntrospect, {}, clock};
  Callers strict{client, kMayIntrospect, {{"apitoken-verify", "https://api"}, false}, clock};
};

TEST_F(CallersTest, NobodyIsAskedAboutWhatCannotBeACredential) {
  for (const char* token : {"apt_forged", "a b", "eyJ.eyJ.x", "\xff"})
    EXPECT_EQ(judge(token), Verdict::Unknown) << token;
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(CallersTest, ATokenForUsIsReviewedForUsAndAnyOtherForTheApiServer) {
  answer_allowed({"apitoken-verify"});
  EXPECT_EQ(judge(jwt("k", {"apitoken-verify", "x"}, "a")), Verdict::Allowed);
  EXPECT_EQ(json::parse(transport.requests()[0].body)["spec"]["audiences"],
            json{"apitoken-verify"});
  answer_allowed({"https://kubernetes.default.svc"});
  EXPECT_EQ(judge(jwt("k", "https://kubernetes.default.svc", "b")), Verdict::Allowed);
  EXPECT_THAT(transport.requests()[2].body, Not(HasSubstr("audiences")));
}

TEST_F(CallersTest, AnApiServerThatLooksAtNoAudienceProvesNothing) {
  for (const json& audiences : {json::array(), json{"vault"}}) {
    answer_allowed(audiences);
    EXPECT_EQ(judge(jwt("k", "apitoken-verify", audiences.empty() ? "none" : "other")),
              Verdict::Unknown);
    transport.drop_answers();
  }
}

TEST_F(CallersTest, OnlyNamedAudiencesMayBeTaken) {
  auto admitted = strict.admit(jwt("k", "https://kubernetes.default.svc", "a"), "10.0.0.1");
  ASSERT_TRUE(std::holds_alternative<Verdict>(admitted)) << "nobody is asked";
  EXPECT_EQ(std::get<Verdict>(admitted), Verdict::OtherAudience);
  answer_allowed({"https://api"});
  EXPECT_EQ(std::get<Callers::Review>(strict.admit(jwt("k", "https://api", "a"), "10.0.0.1"))({}),
            Verdict::Allowed);
  EXPECT_EQ(json::parse(transport.requests()[0].body)["spec"]["audiences"],
            (json{"apitoken-verify", "https://api"}));
  answer_unknown();
  EXPECT_EQ(std::get<Callers::Review>(strict.admit("static-token", "10.0.0.1"))({}),
            Verdict::Unknown);
  EXPECT_THAT(transport.requests()[2].body, HasSubstr("https://api"));
}

TEST_F(CallersTest, AFloodFromOneAddressLeavesOthersTheirReviews) {
  for (int i = 0; i < 1000; ++i) {
    answer_unknown();
    judge("bad" + std::to_string(i), "10.0.0.66");
  }
  EXPECT_EQ(transport.count(), ReviewBudget::kSourceBurst);
  EXPECT_EQ(judge("another", "10.0.0.66"), Verdict::Unavailable);
  transport.drop_answers();
  answer_allowed();
  EXPECT_EQ(judge("good", "10.0.0.1"), Verdict::Allowed);
}

TEST_F(CallersTest, AFloodOfMadeUpTokensLeavesServiceAccountsOfTheSameAddressTheirReviews) {
  answer_allowed();
  ASSERT_EQ(judge(jwt("cluster-key", "https://api", "first"), "10.0.0.2"), Verdict::Allowed);
  for (int i = 0; i < 1000; ++i) {
    answer_unknown();
    judge(i % 2 ? "bad" + std::to_string(i)
                : jwt("made-up", "https://api", "s" + std::to_string(i)));
  }
  EXPECT_EQ(transport.count(), 2 + 2 * ReviewBudget::kSourceBurst);
  transport.drop_answers();
  answer_allowed();
  EXPECT_EQ(judge(jwt("cluster-key", "https://api", "second")), Verdict::Allowed);
}

TEST_F(CallersTest, AVerdictIsRenewedBeforeItEndsWithoutAnybodyWaiting) {
  answer_allowed();
  ASSERT_EQ(judge("good"), Verdict::Allowed);
  for (int i = 0; i < 1000; ++i) judge("apt_bad");
  clock.advance(Callers::kRenewAfter - std::chrono::milliseconds(1));
  EXPECT_TRUE(is_verdict("good"));
  clock.advance(std::chrono::milliseconds(1));
  answer_allowed();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(is_verdict("good"));
  renew_until(4);
  clock.advance(Callers::kRenewAfter - std::chrono::milliseconds(1));
  EXPECT_TRUE(is_verdict("good")) << "beyond the end of the first verdict";
  EXPECT_EQ(judge("good"), Verdict::Allowed);
  EXPECT_EQ(transport.count(), 4u) << "once, however many used it";
}

TEST_F(CallersTest, ARenewalThatFailsIsTriedAgainAndTheVerdictEndsInTime) {
  answer_allowed();
  ASSERT_EQ(judge("good"), Verdict::Allowed);
  clock.advance(Callers::kRenewAfter);
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  EXPECT_TRUE(is_verdict("good"));
  renew_until(3);
  EXPECT_TRUE(is_verdict("good"));
  clock.advance(Callers::kRenewAgainAfter);
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  EXPECT_TRUE(is_verdict("good"));
  renew_until(4);
  clock.advance(Callers::kAllowedFor - Callers::kRenewAfter - Callers::kRenewAgainAfter);
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  EXPECT_EQ(judge("good"), Verdict::Unavailable);
}

TEST_F(CallersTest, ARenewalTakesARightAwayToo) {
  answer_allowed();
  ASSERT_EQ(judge("good"), Verdict::Allowed);
  clock.advance(Callers::kRenewAfter);
  answer_unknown();
  EXPECT_TRUE(is_verdict("good"));
  renew_until(3);
  EXPECT_EQ(judge("good"), Verdict::Unknown);
  clock.advance(Callers::kRefusedFor);
  answer_unknown();
  EXPECT_EQ(judge("good"), Verdict::Unknown) << "asked again";
  EXPECT_EQ(transport.count(), 4u);
}

TEST_F(CallersTest, ACallerWhoComesSeldomIsReviewedFromTheReserve) {
  answer_allowed();
  ASSERT_EQ(judge("good"), Verdict::Allowed);
  clock.advance(std::chrono::hours(1));
  for (int i = 0; i < 100; ++i) {
    answer_unknown();
    judge("bad" + std::to_string(i));
  }
  transport.drop_answers();
  EXPECT_EQ(judge("stranger"), Verdict::Unavailable) << "this address has had enough";
  answer_allowed();
  EXPECT_EQ(judge("good"), Verdict::Allowed);
}

TEST_F(CallersTest, RequestsWithOneTokenShareItsReview) {
  std::vector<Callers::Review> reviews;
  for (std::size_t i = 0; i < ReviewBudget::kMaxWaiting; ++i) {
    reviews.push_back(std::get<Callers::Review>(callers.admit("good", "10.0.0.1")));
  }
  EXPECT_TRUE(is_verdict("good")) << "so many wait, and no more";
  answer_allowed();
  for (const auto& review : reviews) EXPECT_EQ(review({}), Verdict::Allowed);
  EXPECT_EQ(transport.count(), 2u);
  reviews.clear();
  clock.advance(Callers::kAllowedFor);
  EXPECT_FALSE(is_verdict("good")) << "their places are free again";
}

TEST_F(CallersTest, RequestsThatShareAReviewShareItsFailure) {
  std::vector<Callers::Review> reviews;
  for (int i = 0; i < 5; ++i)
    reviews.push_back(std::get<Callers::Review>(callers.admit("good", "10.0.0.1")));
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  for (const auto& review : reviews) EXPECT_EQ(review({}), Verdict::Unavailable);
  EXPECT_EQ(transport.count(), 1u);
  auto again = std::get<Callers::Review>(callers.admit("good", "10.0.0.1"));
  answer_allowed();
  EXPECT_EQ(again({}), Verdict::Allowed) << "though some of the others are not freed yet";
}

}  // namespace
}  // namespace apitoken::serve
