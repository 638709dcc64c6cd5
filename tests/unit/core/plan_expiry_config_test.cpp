// The status of a TokenExpiryConfig, and the Event when mail fails.
#include "core/plan_expiry_config.hpp"

#include <gmock/gmock.h>

#include "api/names.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::core {
namespace {

using ::testing::HasSubstr;

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
  EXPECT_FALSE(again.event);
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
  ASSERT_TRUE(failed.event);
  EXPECT_EQ(failed.event->reason, "NoticeFailed");
  EXPECT_TRUE(failed.event->warning);
  EXPECT_FALSE(plan().event);  // said once
  delivery_.last_error.clear();
  delivery_.last_success = now_;
  plan();
  EXPECT_EQ(condition("EmailDelivery")->status, "True");
  EXPECT_EQ(object_.status.last_email_time, now_);
  delivery_.last_success.reset();  // a restart forgets it, the status does not
  EXPECT_FALSE(plan().status);
  delivery_.refusals = {"bob@example.com: 550 no such user"};
  EXPECT_TRUE(plan().event);
  object_.spec.smtp.reset();
  plan();
  EXPECT_FALSE(condition("EmailDelivery"));
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
