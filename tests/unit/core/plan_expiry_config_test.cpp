// The status of a TokenExpiryConfig, and the Events about it.
#include "core/plan_expiry_config.hpp"

#include <gmock/gmock.h>

#include <utility>

#include "api/names.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::core {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PlanExpiryConfig : public ::testing::Test {
 protected:
  PlanExpiryConfig() {
    object_.meta.name = "default";
    object_.meta.uid = "u";
    object_.meta.generation = 2;
  }
  // Plans, and takes the new status over as the API server would.
  ConfigPlan plan() {
    config_ = read_config(object_);
    const ObservedConfig observed{now_, object_, config_, 10, 2, missing_, "apitoken-system", delivery_};
    ConfigPlan plan = plan_expiry_config(observed);
    if (plan.status) object_.status = *plan.status;
    return plan;
  }
  const api::Condition* condition(std::string_view type) {
    return api::find_condition(object_.status.conditions, type);
  }
  void give_smtp() { object_.spec.smtp = api::SmtpSpec{"smtp.example.com:587", {}, "t@example.com", "smtp", ""}; }

  WallTime now_ = *parse_rfc3339("2026-03-24T12:30:00Z");
  api::TokenExpiryConfig object_;
  ExpiryConfig config_;
  std::vector<std::string> missing_;
  ObservedDelivery delivery_;
};

TEST_F(PlanExpiryConfig, SaysWhatItCountsAndThenNothingMore) {
  ASSERT_TRUE(plan().status);
  EXPECT_EQ(object_.status.matched_tokens, 10);
  EXPECT_EQ(object_.status.expiring_tokens, 2);
  EXPECT_EQ(object_.status.observed_generation, 2);
  EXPECT_EQ(condition("Ready")->reason, "Accepted");
  EXPECT_FALSE(condition("EmailDelivery"));
  const auto again = plan();
  EXPECT_FALSE(again.status);
  EXPECT_THAT(again.events, IsEmpty());
}

TEST_F(PlanExpiryConfig, ReadyNamesTheWorstProblem) {
  give_smtp();
  missing_ = {"smtp"};
  plan();
  EXPECT_EQ(condition("Ready")->reason, "SecretNotFound");
  EXPECT_THAT(condition("Ready")->message, HasSubstr("apitoken-system"));
  object_.spec.emails = "nonsense";
  plan();
  EXPECT_EQ(condition("Ready")->reason, "InvalidAddress");
  object_.spec.digest = "never";
  plan();
  EXPECT_EQ(condition("Ready")->reason, "InvalidSpec");
}

TEST_F(PlanExpiryConfig, DeliveryFollowsTheMail) {
  give_smtp();
  plan();
  EXPECT_EQ(condition("EmailDelivery")->status, "Unknown");
  delivery_.last_error = "no connection";
  const auto failed = plan();
  EXPECT_EQ(condition("EmailDelivery")->status, "False");
  ASSERT_THAT(failed.events, SizeIs(1));
  EXPECT_EQ(failed.events[0].reason, "NoticeFailed");
  EXPECT_TRUE(failed.events[0].warning);
  EXPECT_THAT(plan().events, IsEmpty());  // said once
  delivery_.last_error.clear();
  delivery_.last_success = now_;
  plan();
  EXPECT_EQ(condition("EmailDelivery")->status, "True");
  EXPECT_EQ(object_.status.last_email_time, now_);
  delivery_.last_success.reset();  // a restart forgets it, the status does not
  EXPECT_FALSE(plan().status);
  delivery_.refusals = {"bob@example.com: 550 no such user"};
  EXPECT_THAT(plan().events, SizeIs(1));
  object_.spec.smtp.reset();
  plan();
  EXPECT_FALSE(condition("EmailDelivery"));
}

TEST_F(PlanExpiryConfig, DeliveryOutlivesARestartUntilTheNextAttempt) {
  give_smtp();
  object_.status.last_email_time = now_ - std::chrono::hours(24);
  delivery_.last_error = "no connection";
  plan();
  delivery_ = {};
  delivery_.pending_notices = 1;
  ++object_.meta.generation;
  const auto restarted = plan();
  EXPECT_EQ(condition("EmailDelivery")->status, "False");
  EXPECT_EQ(condition("EmailDelivery")->message, "no connection; it is tried again");
  EXPECT_EQ(condition("EmailDelivery")->observed_generation, 3);
  EXPECT_THAT(restarted.events, IsEmpty());
  delivery_.last_success = now_;
  plan();
  EXPECT_EQ(condition("EmailDelivery")->status, "True");
}

TEST_F(PlanExpiryConfig, IsNotReadyWhileMailWaitsForAKeyOfASecret) {
  give_smtp();
  delivery_.pending_notices = 1;
  delivery_.last_error = "Secret apitoken-system/smtp has no key username";
  delivery_.secret_missing = true;
  plan();
  EXPECT_EQ(condition("EmailDelivery")->reason, "SecretNotFound");
  EXPECT_EQ(condition("Ready")->status, "False");
  EXPECT_EQ(condition("Ready")->reason, "SecretNotFound");
  EXPECT_THAT(condition("Ready")->message, HasSubstr("has no key username"));

  const ObservedDelivery failed = std::exchange(delivery_, {});
  plan();
  EXPECT_EQ(condition("Ready")->reason, "SecretNotFound");  // a restart knows no better before it has tried

  delivery_ = failed;
  delivery_.last_error = "no connection";
  delivery_.secret_missing = false;
  plan();
  EXPECT_EQ(condition("Ready")->status, "True");  // the Secret is right by now

  delivery_ = failed;
  plan();
  EXPECT_EQ(condition("Ready")->status, "False");
  delivery_ = {};
  delivery_.last_success = now_;
  plan();
  EXPECT_EQ(condition("Ready")->status, "True");

  delivery_ = failed;
  delivery_.pending_notices = 0;  // its token went: nothing would ever find the key that was added since
  plan();
  EXPECT_EQ(condition("Ready")->status, "True");
}

TEST_F(PlanExpiryConfig, AnInvalidSpecIsToldInOneEvent) {
  object_.spec.digest = "never";
  const auto first = plan();
  ASSERT_THAT(first.events, SizeIs(1));
  EXPECT_EQ(first.events[0].ns, "default");
  EXPECT_EQ(first.events[0].reason, "InvalidSpec");
  EXPECT_EQ(first.events[0].regarding.kind, "TokenExpiryConfig");
  EXPECT_EQ(first.events[0].note, condition("Ready")->message);
  EXPECT_TRUE(first.events[0].warning);
  EXPECT_THAT(plan().events, IsEmpty());
  object_.spec.digest = "soon";
  const auto other = plan();
  ASSERT_THAT(other.events, SizeIs(1));
  EXPECT_NE(other.events[0].name, first.events[0].name);
}

TEST_F(PlanExpiryConfig, TwoFactsOfOnePassAreTwoEvents) {
  give_smtp();
  object_.spec.digest = "never";
  delivery_.last_error = "no connection";
  EXPECT_THAT(plan().events, SizeIs(2));
}

// The CRD bounds messages at 32768 characters: a longer one would make every write of the status fail.
TEST_F(PlanExpiryConfig, MessagesStayWithinTheSchema) {
  give_smtp();
  for (int i = 0; i < 5000; ++i) object_.spec.emails += "x;";
  for (int i = 0; i < 2000; ++i) object_.spec.reminders.push_back("€\x01soon" + std::to_string(i));
  delivery_.refusals.assign(500, std::string(200, 'r'));
  const auto first = plan();
  ASSERT_TRUE(first.status);
  for (const auto& one : object_.status.conditions) EXPECT_LE(one.message.size(), 4096u) << one.type;
  EXPECT_FALSE(plan().status);
}

}  // namespace
}  // namespace apitoken::core
