#include "serve/caller_reviews.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/base64.hpp"
#include "support/fake_transport.hpp"
#include "support/manual_clock.hpp"
#include "support/tokens.hpp"

namespace apitoken::serve {
namespace {

using verify::kNow;

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using Verdict = CallerReviews::Verdict;

std::string jwt(std::string_view kid, const json& audience, std::string_view signature) {
  return base64url_encode(json{{"alg", "RS256"}, {"kid", kid}}.dump()) + "." +
         base64url_encode(json{{"aud", audience}}.dump()) + "." + std::string(signature);
}

class CallerReviewsTest : public testing::Test {
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

  // Runs the review at once if one is needed.
  Verdict verdict_on(const std::string& token, const char* source = "10.0.0.1") {
    auto admitted = reviews.admit(token, source);
    if (const auto* verdict = std::get_if<Verdict>(&admitted)) return *verdict;
    return std::get<CallerReviews::Review>(admitted)({});
  }
  bool is_verdict(const std::string& token, const char* source = "10.0.0.1") {
    return std::holds_alternative<Verdict>(reviews.admit(token, source));
  }
  // Runs renewals until the API server got `count` requests in all.
  void renew_until(std::size_t count) {
    std::jthread renewing([this](std::stop_token stop) { reviews.renew(std::move(stop)); });
    EXPECT_TRUE(kube::eventually([&] { return transport.count() == count; }));
  }

  ManualClock clock{kNow};
  kube::FakeTransport transport;
  kube::CountingObserver observer;
  kube::Client client{transport, observer};
  CallerReviews reviews{client, kMayIntrospect, {}, clock};
  CallerReviews strict{client, kMayIntrospect, {{"apitoken-verify", "https://api"}, false}, clock};
};

TEST_F(CallerReviewsTest, ATextThatCannotBeACredentialIsNotReviewed) {
  for (const char* token : {"apt_forged", "a b", "eyJ.eyJ.x", "\xff"})
    EXPECT_EQ(verdict_on(token), Verdict::Unknown) << token;
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(CallerReviewsTest, ATokenForUsIsReviewedForOurAudienceAndOthersForTheApiServers) {
  answer_allowed({"apitoken-verify"});
  EXPECT_EQ(verdict_on(jwt("k", {"apitoken-verify", "x"}, "a")), Verdict::Allowed);
  EXPECT_EQ(json::parse(transport.requests()[0].body)["spec"]["audiences"],
            json{"apitoken-verify"});
  answer_allowed({"https://kubernetes.default.svc"});
  EXPECT_EQ(verdict_on(jwt("k", "https://kubernetes.default.svc", "b")), Verdict::Allowed);
  EXPECT_THAT(transport.requests()[2].body, Not(HasSubstr("audiences")));
}

TEST_F(CallerReviewsTest, AnApiServerThatIgnoresAudiencesProvesNothing) {
  for (const json& audiences : {json::array(), json{"vault"}}) {
    answer_allowed(audiences);
    EXPECT_EQ(verdict_on(jwt("k", "apitoken-verify", audiences.empty() ? "none" : "other")),
              Verdict::Unknown);
    transport.drop_answers();
  }
}

TEST_F(CallerReviewsTest, TheApiServersAudienceMayBeExcluded) {
  auto admitted = strict.admit(jwt("k", "https://kubernetes.default.svc", "a"), "10.0.0.1");
  ASSERT_TRUE(std::holds_alternative<Verdict>(admitted)) << "no review is sent";
  EXPECT_EQ(std::get<Verdict>(admitted), Verdict::OtherAudience);
  answer_allowed({"https://api"});
  EXPECT_EQ(
      std::get<CallerReviews::Review>(strict.admit(jwt("k", "https://api", "a"), "10.0.0.1"))({}),
      Verdict::Allowed);
  EXPECT_EQ(json::parse(transport.requests()[0].body)["spec"]["audiences"],
            (json{"apitoken-verify", "https://api"}));
  answer_unknown();
  EXPECT_EQ(std::get<CallerReviews::Review>(strict.admit("static-token", "10.0.0.1"))({}),
            Verdict::Unknown);
  EXPECT_THAT(transport.requests()[2].body, HasSubstr("https://api"));
}

TEST_F(CallerReviewsTest, AFloodFromOneAddressLeavesOthersTheirReviews) {
  for (int i = 0; i < 1000; ++i) {
    answer_unknown();
    verdict_on("bad" + std::to_string(i), "10.0.0.66");
  }
  EXPECT_EQ(transport.count(), ReviewBudget::kSourceBurst);
  EXPECT_EQ(verdict_on("another", "10.0.0.66"), Verdict::Unavailable);
  transport.drop_answers();
  answer_allowed();
  EXPECT_EQ(verdict_on("good", "10.0.0.1"), Verdict::Allowed);
}

TEST_F(CallerReviewsTest, AFloodOfMadeUpTokensLeavesServiceAccountsOfTheSameAddressTheirReviews) {
  answer_allowed();
  ASSERT_EQ(verdict_on(jwt("cluster-key", "https://api", "first"), "10.0.0.2"), Verdict::Allowed);
  for (int i = 0; i < 1000; ++i) {
    answer_unknown();
    verdict_on(i % 2 ? "bad" + std::to_string(i)
                     : jwt("made-up", "https://api", "s" + std::to_string(i)));
  }
  EXPECT_EQ(transport.count(), 2 + 2 * ReviewBudget::kSourceBurst);
  transport.drop_answers();
  answer_allowed();
  EXPECT_EQ(verdict_on(jwt("cluster-key", "https://api", "second")), Verdict::Allowed);
}

TEST_F(CallerReviewsTest, AVerdictIsRenewedBeforeItExpiresWhileNoRequestWaits) {
  answer_allowed();
  ASSERT_EQ(verdict_on("good"), Verdict::Allowed);
  for (int i = 0; i < 1000; ++i) verdict_on("apt_bad");
  clock.advance(CallerReviews::kRenewAfter - std::chrono::milliseconds(1));
  EXPECT_TRUE(is_verdict("good"));
  clock.advance(std::chrono::milliseconds(1));
  answer_allowed();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(is_verdict("good"));
  renew_until(4);
  clock.advance(CallerReviews::kRenewAfter - std::chrono::milliseconds(1));
  EXPECT_TRUE(is_verdict("good")) << "after the first verdict expired";
  EXPECT_EQ(verdict_on("good"), Verdict::Allowed);
  EXPECT_EQ(transport.count(), 4u) << "one renewal for many uses";
}

TEST_F(CallerReviewsTest, ARenewalThatFailsIsTriedAgainAndTheVerdictExpiresInTime) {
  answer_allowed();
  ASSERT_EQ(verdict_on("good"), Verdict::Allowed);
  clock.advance(CallerReviews::kRenewAfter);
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  EXPECT_TRUE(is_verdict("good"));
  renew_until(3);
  EXPECT_TRUE(is_verdict("good"));
  clock.advance(CallerReviews::kRenewAgainAfter);
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  EXPECT_TRUE(is_verdict("good"));
  renew_until(4);
  clock.advance(CallerReviews::kAllowedFor - CallerReviews::kRenewAfter -
                CallerReviews::kRenewAgainAfter);
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  EXPECT_EQ(verdict_on("good"), Verdict::Unavailable);
}

TEST_F(CallerReviewsTest, ARenewalWithdrawsAPermission) {
  answer_allowed();
  ASSERT_EQ(verdict_on("good"), Verdict::Allowed);
  clock.advance(CallerReviews::kRenewAfter);
  answer_unknown();
  EXPECT_TRUE(is_verdict("good"));
  renew_until(3);
  EXPECT_EQ(verdict_on("good"), Verdict::Unknown);
  clock.advance(CallerReviews::kRefusedFor);
  answer_unknown();
  EXPECT_EQ(verdict_on("good"), Verdict::Unknown) << "asked again";
  EXPECT_EQ(transport.count(), 4u);
}

TEST_F(CallerReviewsTest, AnOccasionalCallerIsReviewedFromTheReserve) {
  answer_allowed();
  ASSERT_EQ(verdict_on("good"), Verdict::Allowed);
  clock.advance(std::chrono::hours(1));
  for (int i = 0; i < 100; ++i) {
    answer_unknown();
    verdict_on("bad" + std::to_string(i));
  }
  transport.drop_answers();
  EXPECT_EQ(verdict_on("stranger"), Verdict::Unavailable)
      << "the budget of this address is used up";
  answer_allowed();
  EXPECT_EQ(verdict_on("good"), Verdict::Allowed);
}

TEST_F(CallerReviewsTest, RequestsWithOneTokenShareItsReview) {
  std::vector<CallerReviews::Review> waiting;
  for (std::size_t i = 0; i < ReviewBudget::kMaxWaiting; ++i) {
    waiting.push_back(std::get<CallerReviews::Review>(reviews.admit("good", "10.0.0.1")));
  }
  EXPECT_TRUE(is_verdict("good")) << "no more reviews may wait";
  answer_allowed();
  for (const auto& review : waiting) EXPECT_EQ(review({}), Verdict::Allowed);
  EXPECT_EQ(transport.count(), 2u);
  waiting.clear();
  clock.advance(CallerReviews::kAllowedFor);
  EXPECT_FALSE(is_verdict("good")) << "their places are free again";
}

TEST_F(CallerReviewsTest, RequestsThatShareAReviewShareItsFailure) {
  std::vector<CallerReviews::Review> waiting;
  for (int i = 0; i < 5; ++i)
    waiting.push_back(std::get<CallerReviews::Review>(reviews.admit("good", "10.0.0.1")));
  transport.answer(Error{ErrorKind::Unavailable, "no connection", {}});
  for (const auto& review : waiting) EXPECT_EQ(review({}), Verdict::Unavailable);
  EXPECT_EQ(transport.count(), 1u);
  auto again = std::get<CallerReviews::Review>(reviews.admit("good", "10.0.0.1"));
  answer_allowed();
  EXPECT_EQ(again({}), Verdict::Allowed) << "while the first reviews still exist";
}

}  // namespace
}  // namespace apitoken::serve
