// The status of a TokenExpiryConfig, and its Events.
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
  // Plans, and stores the new status as the API server would.
  ConfigPlan plan() {
    config_ = read_config(object_);
    const ObservedConfig observed{now_,     object_,           config_,   10,       2,
                                  missing_, "apitoken-system", delivery_, skipped_, test_mail_,
                                  writer_};
    ConfigPlan plan = plan_expiry_config(observed);
    if (plan.status) object_.status = *plan.status;
    return plan;
  }
  const api::Condition* condition(std::string_view type) {
    return api::find_condition(object_.status.conditions, type);
  }
  void give_smtp() {
    object_.spec.smtp =
        api::SmtpSpec{"smtp.example.com:587", {}, "t@example.com", "smtp", "", {}, {}};
    object_.spec.emails = "ops@example.com";
  }

  WallTime now_ = *parse_rfc3339("2026-03-24T12:30:00Z");
  api::TokenExpiryConfig object_;
  ExpiryConfig config_;
  std::vector<std::string> missing_;
  ObservedDelivery delivery_;
  ObservedSkipped skipped_;
  std::optional<api::TestMail> test_mail_;
  std::string writer_;
};

TEST_F(PlanExpiryConfig, ReportsItsCountsOnce) {
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

TEST_F(PlanExpiryConfig, SaysWhoWritesItWhileAnotherOperatorDoesToo) {
  writer_ = "node-1_0000abcd, which serves namespace team-a";
  ASSERT_TRUE(plan().status);
  EXPECT_EQ(condition("Ready")->reason, "Accepted");
  EXPECT_THAT(condition("Ready")->message,
              ::testing::StartsWith("written by node-1_0000abcd, which serves namespace team-a;"));
  object_.spec.emails = "nobody";
  ASSERT_TRUE(plan().status);
  EXPECT_EQ(condition("Ready")->reason, "InvalidAddress");
  EXPECT_THAT(condition("Ready")->message, HasSubstr("; written by node-1_0000abcd"));
  writer_.clear();
  ASSERT_TRUE(plan().status);
  EXPECT_THAT(condition("Ready")->message, ::testing::Not(HasSubstr("written by")));
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
  EXPECT_THAT(plan().events, IsEmpty());  // posted once
  delivery_.last_error.clear();
  delivery_.last_success = now_;
  plan();
  EXPECT_EQ(condition("EmailDelivery")->status, "True");
  EXPECT_EQ(object_.status.last_email_time, now_);
  delivery_.last_success.reset();  // a restart loses it, the status keeps it
  EXPECT_FALSE(plan().status);
  delivery_.refusals = {"bob@example.com: 550 no such user"};
  EXPECT_THAT(plan().events, SizeIs(1));
  object_.spec.emails.clear();
  plan();
  EXPECT_FALSE(condition("EmailDelivery"));
}

TEST_F(PlanExpiryConfig, MailWithoutAServerIsReportedAtOnce) {
  for (const bool to_users : {false, true}) {
    object_.spec.emails = to_users ? "" : "ops@example.com";
    object_.spec.email_token_user = to_users;
    object_.status = {};
    const auto first = plan();
    EXPECT_EQ(condition("Ready")->status, "True");
    EXPECT_EQ(condition("EmailDelivery")->status, "False");
    EXPECT_EQ(condition("EmailDelivery")->reason, "NoServer");
    EXPECT_THAT(condition("EmailDelivery")->message, HasSubstr("set spec.smtp.server"));
    EXPECT_THAT(first.events, SizeIs(1));
    EXPECT_FALSE(plan().status);
  }
  give_smtp();
  plan();
  EXPECT_EQ(condition("EmailDelivery")->status, "Unknown");
}

TEST_F(PlanExpiryConfig, WithoutMailThereIsNoEmailDelivery) {
  give_smtp();
  object_.spec.emails.clear();
  plan();
  EXPECT_FALSE(condition("EmailDelivery"));
}

TEST_F(PlanExpiryConfig, ALoginForAnotherServerMakesItNotReady) {
  give_smtp();
  delivery_.last_error =
      "spec.smtp.server: smtp.example.com:587 is not the server that the login is for";
  delivery_.settings_wrong = true;
  plan();
  EXPECT_EQ(condition("Ready")->reason, "InvalidSpec");
  EXPECT_THAT(condition("Ready")->message, HasSubstr("is not the server"));
  EXPECT_EQ(condition("EmailDelivery")->status, "False");
  delivery_ = {};
  delivery_.login_works = true;
  plan();
  EXPECT_EQ(condition("Ready")->status, "True");
  EXPECT_EQ(condition("EmailDelivery")->status, "Unknown");
  EXPECT_THAT(condition("EmailDelivery")->message, HasSubstr("accepts the login"));
}

TEST_F(PlanExpiryConfig, AWorkingLoginDoesNotClearRefusedRecipients) {
  give_smtp();
  delivery_.refusals = {"bob@example.com: 550 no such user"};
  delivery_.last_success = now_;
  plan();
  delivery_ = {};  // a restart, and its login
  delivery_.login_works = true;
  EXPECT_FALSE(plan().status);
  EXPECT_EQ(condition("EmailDelivery")->status, "False");
}

TEST_F(PlanExpiryConfig, UsersWithoutMailAreCountedAndNamed) {
  give_smtp();
  object_.spec.email_token_user = true;
  skipped_ = {12, {"oidc:alice@example.com", "bob@example.org"}};
  plan();
  EXPECT_EQ(object_.status.skipped_users,
            (api::SkippedUsers{12, {"oidc:alice@example.com", "bob@example.org"}}));
  for (const char* words :
       {"12 users", "oidc:alice@example.com, bob@example.org", "example.com", "spec.emailDomains"})
    EXPECT_THAT(condition("EmailDelivery")->message, HasSubstr(words));
  EXPECT_FALSE(plan().status);
  skipped_ = {1, {"bob@example.org"}};
  plan();
  EXPECT_THAT(condition("EmailDelivery")->message,
              HasSubstr("no mail was due yet; no mail of their own for 1 user,"));
  skipped_ = {};
  plan();
  EXPECT_EQ(condition("EmailDelivery")->message, "no mail was due yet");
  EXPECT_FALSE(object_.status.skipped_users);
}

TEST_F(PlanExpiryConfig, ATestMailIsRequestedOnceAndItsAnswerStays) {
  give_smtp();
  object_.spec.emails = "ops@example.com; sec@example.com";
  EXPECT_FALSE(plan().test_mail);
  object_.meta.annotations["apitoken.dev/test-mail-requested-at"] = "2026-03-24T12:29:59Z";
  const PlannedTestMail wanted{
      "2026-03-24T12:29:59Z", {"ops@example.com", "sec@example.com"}, Seconds(0)};
  EXPECT_EQ(plan().test_mail, wanted);
  test_mail_ =
      api::TestMail{"2026-03-24T12:29:59Z", now_, 1, {{"sec@example.com", "550 no such user"}}, ""};
  EXPECT_FALSE(plan().test_mail);
  EXPECT_EQ(object_.status.test_mail, test_mail_);
  test_mail_.reset();  // a restart
  const auto again = plan();
  EXPECT_FALSE(again.test_mail);
  EXPECT_FALSE(again.status);
  now_ += std::chrono::seconds(20);
  object_.meta.annotations["apitoken.dev/test-mail-requested-at"] = "2026-03-24T12:30:20Z";
  ASSERT_TRUE(plan().test_mail);
  EXPECT_EQ(plan().test_mail->delay, Seconds(40)) << "at most one a minute";
}

TEST_F(PlanExpiryConfig, ATestMailThatNeverWentOutDelaysNoOther) {
  object_.meta.annotations["apitoken.dev/test-mail-requested-at"] = "2026-03-24T12:29:59Z";
  plan();
  ASSERT_THAT(object_.status.test_mail.value().error, HasSubstr("spec.smtp is not set"));
  give_smtp();
  object_.meta.annotations["apitoken.dev/test-mail-requested-at"] = "2026-03-24T12:30:00Z";
  EXPECT_EQ(plan().test_mail.value().delay, Seconds(0)) << "after an answer without a server";
  test_mail_ = api::TestMail{"2026-03-24T12:30:00Z", now_, 0, {}, "cannot be reached"};
  plan();
  object_.meta.annotations["apitoken.dev/test-mail-requested-at"] = "2026-03-24T12:30:01Z";
  EXPECT_EQ(plan().test_mail.value().delay, Seconds(0)) << "after a server that is down";
  test_mail_ = api::TestMail{
      "2026-03-24T12:30:01Z", now_, 0, {{"ops@example.com", "550 no such user"}}, "refused"};
  plan();
  object_.meta.annotations["apitoken.dev/test-mail-requested-at"] = "2026-03-24T12:30:02Z";
  EXPECT_EQ(plan().test_mail.value().delay, Seconds(60)) << "after one that the server refused";
}

TEST_F(PlanExpiryConfig, ATestMailThatCannotBeSentIsAnsweredAtOnce) {
  const auto answer_of = [&](const char* requested_at) {
    object_.meta.annotations["apitoken.dev/test-mail-requested-at"] = requested_at;
    EXPECT_FALSE(plan().test_mail);
    return object_.status.test_mail.value_or(api::TestMail{});
  };
  EXPECT_THAT(answer_of("2026-03-24T12:30:00Z").error, HasSubstr("spec.smtp is not set"));
  give_smtp();
  object_.spec.emails = "nobody";
  EXPECT_THAT(answer_of("2026-03-24T12:30:01Z").error,
              HasSubstr("spec.emails names no valid address"));
  EXPECT_THAT(answer_of("now").error, HasSubstr("is \"now\", which is not an RFC 3339 time"));
  EXPECT_FALSE(plan().status);
  EXPECT_EQ(answer_of("x\ny").requested_at, "x y");
  EXPECT_FALSE(plan().status);
}

TEST_F(PlanExpiryConfig, EmailDeliverySurvivesARestartUntilTheNextAttempt) {
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
  EXPECT_EQ(condition("Ready")->reason,
            "SecretNotFound");  // a restarted process knows no more before it tries

  delivery_ = failed;
  delivery_.last_error = "no connection";
  delivery_.secret_missing = false;
  plan();
  EXPECT_EQ(condition("Ready")->status, "True");  // the Secret is correct now

  delivery_ = failed;
  plan();
  EXPECT_EQ(condition("Ready")->status, "False");
  delivery_ = {};
  delivery_.last_success = now_;
  plan();
  EXPECT_EQ(condition("Ready")->status, "True");

  delivery_ = failed;
  plan();
  delivery_ = {};
  delivery_.login_works = true;  // the Secret was corrected before a mail was due
  plan();
  EXPECT_EQ(condition("Ready")->status, "True");
}

TEST_F(PlanExpiryConfig, AnInvalidSpecIsReportedInOneEvent) {
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

TEST_F(PlanExpiryConfig, TwoProblemsInOnePassAreTwoEvents) {
  give_smtp();
  object_.spec.digest = "never";
  delivery_.last_error = "no connection";
  EXPECT_THAT(plan().events, SizeIs(2));
}

// The CRD limits messages to 32768 characters: a longer message would make every status write fail.
TEST_F(PlanExpiryConfig, MessagesStayWithinTheSchema) {
  give_smtp();
  for (int i = 0; i < 5000; ++i) object_.spec.emails += "x;";
  for (int i = 0; i < 2000; ++i) object_.spec.reminders.push_back("€\x01soon" + std::to_string(i));
  delivery_.refusals.assign(500, std::string(200, 'r'));
  const auto first = plan();
  ASSERT_TRUE(first.status);
  for (const auto& one : object_.status.conditions)
    EXPECT_LE(one.message.size(), 4096u) << one.type;
  EXPECT_FALSE(plan().status);
}

}  // namespace
}  // namespace apitoken::core
