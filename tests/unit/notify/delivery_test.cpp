// Which deliveries a notice gets by the route of its config.
#include "notify/delivery.hpp"

#include <gmock/gmock.h>

namespace apitoken::notify {
namespace {

using ::testing::ElementsAre;

const core::Notice kNotice{{"uid", WallTime{}, "default", Seconds(0)},
                           "team-a",
                           "ci",
                           "alice@example.com",
                           "id",
                           "Permanent",
                           ""};
const Target kEvent{Channel::Event, "default", {}};

core::ConfigRoute route_with_mail() {
  core::ConfigRoute route;
  route.config = "default";
  route.mails = true;
  route.user_domains = {"example.com"};
  return route;
}

TEST(Deliveries, ANoticeOfAConfigWithoutSmtpIsAnEventAlone) {
  auto route = route_with_mail();
  route.mails = false;
  route.list_given = true;
  route.recipients = {"ops@example.com"};
  route.email_token_user = true;
  EXPECT_THAT(targets_of(kNotice, route), ElementsAre(kEvent));
}

TEST(Deliveries, TheListAndTheUserGetMailsOfTheirOwn) {
  auto route = route_with_mail();
  route.recipients = {"ops@example.com"};
  route.email_token_user = true;
  EXPECT_THAT(targets_of(kNotice, route),
              ElementsAre(kEvent, Target{Channel::ListMail, "default", {"ops@example.com"}},
                          Target{Channel::UserMail, "default", {"alice@example.com"}}));
}

TEST(Deliveries, AListWithoutAValidAddressWaitsForOne) {
  auto route = route_with_mail();
  EXPECT_THAT(targets_of(kNotice, route), ElementsAre(kEvent));
  route.list_given = true;
  EXPECT_THAT(targets_of(kNotice, route),
              ElementsAre(kEvent, Target{Channel::ListMail, "default", {}}));
}

TEST(Deliveries, AUserOutsideTheDomainsGetsNoMail) {
  auto route = route_with_mail();
  route.email_token_user = true;
  route.user_domains = {"example.org"};
  EXPECT_THAT(targets_of(kNotice, route), ElementsAre(kEvent));
}

}  // namespace
}  // namespace apitoken::notify
