// Pauses, errors and logins of one mail server.
#include "notify/mail_health.hpp"

#include <gmock/gmock.h>

namespace apitoken::notify {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;
using enum MailHealth::FailedAt;

const Now kNow{WallTime(1000s), SteadyTime(1h)};
const Error kDown{ErrorKind::Unavailable, "down"};

TEST(MailHealth, PausesTwiceAsLongAfterEachFailureUntilAServerAnswers) {
  MailHealth health;
  for (const auto pause : {30s, 60s, 120s}) {
    health.attempt_failed(kDown, Server, 0, kNow);
    EXPECT_EQ(health.paused_until(), kNow.steady + pause);
  }
  EXPECT_EQ(health.report().last_error, "down");
  EXPECT_EQ(health.report().failing_since, kNow.wall);
  health.server_answered();
  health.mail_accepted(kNow.wall + 1s);
  EXPECT_EQ(health.paused_until(), SteadyTime{});
  EXPECT_EQ(health.report().last_error, "");
  EXPECT_EQ(health.report().last_success, kNow.wall + 1s);
  health.attempt_failed(kDown, Settings, 0, kNow);
  EXPECT_EQ(health.paused_until(), kNow.steady + 30s);
  EXPECT_TRUE(health.report().settings_failed);
}

TEST(MailHealth, AFailureWithOutdatedSettingsPausesNothing) {
  MailHealth health;
  const auto version = health.version();
  health.settings_changed(kNow.steady);
  health.attempt_failed(kDown, Server, version, kNow);
  EXPECT_EQ(health.paused_until(), kNow.steady);
  health.attempt_failed(kDown, Server, health.version(), kNow);
  EXPECT_GT(health.paused_until(), kNow.steady);
}

TEST(MailHealth, ARefusedLoginWaitsForAnHourOrForOtherSettings) {
  MailHealth health;
  const Error refused{ErrorKind::Unauthorized, "535 no"};
  health.login_failed(refused, Server, health.version(), kNow);
  EXPECT_EQ(health.login_due(), kNow.steady + 1h);
  health.settings_changed(kNow.steady);
  health.login_failed(refused, Server, health.version() - 1, kNow);
  EXPECT_EQ(health.login_due(), kNow.steady);
  health.login_worked(false, health.version() - 1);
  EXPECT_TRUE(health.login_due()) << "the login that worked had the previous settings";
  health.login_worked(false, health.version());
  EXPECT_FALSE(health.login_due());
  EXPECT_TRUE(health.report().login_works);
}

TEST(MailHealth, KeepsAFewRefusedRecipients) {
  MailHealth health;
  for (int i = 0; i < 100; ++i)
    health.recipient_refused({"u" + std::to_string(i) + "@example.com", 550, "550 no", true});
  EXPECT_THAT(health.report().refused, SizeIs(20));
  health.recipient_settled("u0@example.com");
  EXPECT_THAT(health.report().refused, SizeIs(19));
}

}  // namespace
}  // namespace apitoken::notify
