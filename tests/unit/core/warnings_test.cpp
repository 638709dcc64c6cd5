// Who is warned when, for one token under all settings.
#include "core/warnings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/plan_notices.hpp"

namespace apitoken::core {
namespace {

using State = Warning::State;
using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr WallTime kNow{Seconds(1'800'000'000)};

class Warnings : public testing::Test {
 protected:
  Warnings() {
    token_.meta = {.ns = "team-a", .name = "ci", .uid = "u1"};
    token_.spec.user = "alice@example.com";
    token_.status.ttl = "8760h0m0s";
    token_.status.expires_at = kNow + days(10);
    config_.name = "default";
    config_.reminders = {days(30), days(7), days(1)};
    config_.route = {.config = "default",
                     .mails = true,
                     .list_given = true,
                     .recipients = {"ops@example.com"},
                     .email_token_user = true,
                     .user_domains = {"example.com"}};
  }

  std::vector<Warning> warnings(WallTime now = kNow) { return warnings_of(now, token_, configs_); }
  std::vector<std::pair<Seconds, State>> states(WallTime now = kNow) {
    std::vector<std::pair<Seconds, State>> found;
    for (const auto& warning : warnings(now)) found.emplace_back(warning.before, warning.state);
    return found;
  }

  api::ApiToken token_;
  ExpiryConfig config_;
  std::vector<const ExpiryConfig*> configs_{&config_};
};

TEST_F(Warnings, AreTheRemindersAndTheExpiryInTheOrderOfTime) {
  EXPECT_THAT(states(), ElementsAre(std::pair(Seconds(days(30)), State::Due),
                                    std::pair(Seconds(days(7)), State::Future),
                                    std::pair(Seconds(days(1)), State::Future),
                                    std::pair(Seconds(0), State::Future)));
  const auto all = warnings();
  EXPECT_EQ(all[1].at, *token_.status.expires_at - days(7));
  EXPECT_THAT(all[1].recipients, ElementsAre("ops@example.com"));
  EXPECT_EQ(all[1].own_mail, "alice@example.com");
}

TEST_F(Warnings, InTheLedgerAreDoneAndOvertakenOnesAreLeftOut) {
  token_.status.notices = {{.config = "default", .before = days(30)}};
  EXPECT_EQ(states()[0], std::pair(Seconds(days(30)), State::Done));
  token_.status.notices.clear();
  EXPECT_THAT(states(*token_.status.expires_at - days(3)),
              ElementsAre(std::pair(Seconds(days(7)), State::Due),
                          std::pair(Seconds(days(1)), State::Future),
                          std::pair(Seconds(0), State::Future)));
}

TEST_F(Warnings, OfATokenWithoutEndOrRevokedThereAreNone) {
  token_.spec.revoked = true;
  EXPECT_THAT(warnings(), IsEmpty());
  token_.spec.revoked = false;
  token_.status.expires_at.reset();
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(Warnings, OfATokenThatRotatesByItselfBeginWhenThatIsOverdue) {
  token_.status.rotate_at = kNow + days(1);
  EXPECT_THAT(warnings(), IsEmpty());
  EXPECT_FALSE(warnings(*token_.status.expires_at - hours(1)).empty());
}

TEST_F(Warnings, WithoutSmtpReachNobodyByMail) {
  config_.route.mails = false;
  EXPECT_THAT(warnings()[0].recipients, IsEmpty());
  EXPECT_EQ(warnings()[0].own_mail, "");
}

TEST_F(Warnings, WithoutSettingsComeFromTheBuiltInOnes) {
  configs_.clear();
  EXPECT_THAT(states(), ElementsAre(std::pair(Seconds(days(30)), State::Due),
                                    std::pair(Seconds(0), State::Future)));
  EXPECT_EQ(warnings()[0].config, "");
}

// The two are computed apart; a preview that disagrees with what is sent is worse than none.
TEST_F(Warnings, ThatAreDueAreThoseOfThePlan) {
  ExpiryConfig other = config_;
  other.name = other.route.config = "other";
  other.reminders = {days(400), days(20), hours(36)};
  configs_.push_back(&other);
  for (int hour = -30 * 24; hour <= 24; hour += 5) {
    for (const auto& ledger :
         {std::vector<api::NoticeEntry>{},
          {{.config = "default", .before = days(7)}},
          {{.config = "other", .before = days(20)}, {.config = "default", .before = days(1)}}}) {
      token_.status.notices = ledger;
      const auto now = *token_.status.expires_at + hours(hour);
      const auto is_early = [&](const api::NoticeEntry& entry) {
        return now < *token_.status.expires_at - entry.before;
      };
      if (std::ranges::any_of(ledger, is_early))
        continue;  // no notice is delivered before its time
      const Observed observed{now, token_, {}, configs_, {}};
      const auto planned = due_notices(observed, token_.status);
      std::set<std::pair<std::string, Seconds>> submitted, due;
      for (const auto& one : planned.notices)
        submitted.emplace(one.notice.key.config, one.notice.key.before);
      std::optional<WallTime> next;
      for (const auto& one : warnings_of(now, token_, configs_)) {
        if (one.state == State::Due) due.emplace(one.config, one.before);
        if (one.at > now && (!next || one.at < *next)) next = one.at;
      }
      EXPECT_EQ(submitted, due) << hour;
      EXPECT_EQ(planned.next, next) << hour;
    }
  }
}

TEST_F(Warnings, OfATokenMintedNowFollowItsGrantedTtl) {
  config_.permanent.max = days(20);
  token_.spec.ttl = "2400h";
  const auto minted = as_minted(kNow, token_, configs_).token;
  EXPECT_EQ(*minted.status.expires_at, kNow + days(20));
  EXPECT_EQ(*minted.status.warn_at, kNow + days(13));
}

}  // namespace
}  // namespace apitoken::core
