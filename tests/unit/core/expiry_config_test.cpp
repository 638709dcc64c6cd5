// A TokenExpiryConfig: fields with faults are reported, all others keep working.
#include "core/expiry_config.hpp"

#include <gmock/gmock.h>

namespace apitoken::core {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename Change>
ExpiryConfig read_with(Change change) {
  api::TokenExpiryConfig object;
  object.meta.name = "default";
  change(object.spec);
  return read_config(object);
}

TEST(ExpiryConfig, AnEmptySpecWarnsThirtyDaysBeforeExpiry) {
  const auto config = read_with([](auto&) {});
  EXPECT_THAT(config.reminders, ElementsAre(720h));
  EXPECT_EQ(config.route.digest, 5min);
  EXPECT_FALSE(config.route.mails);
  EXPECT_THAT(config.problems, IsEmpty());
  EXPECT_THAT(built_in_config().reminders, ElementsAre(720h));
  EXPECT_EQ(built_in_config().name, "");
}

TEST(ExpiryConfig, RemindersComeFromDaysOrFromTheList) {
  EXPECT_THAT(read_with([](auto& s) { s.warn_before_days = 14; }).reminders, ElementsAre(336h));
  EXPECT_THAT(read_with([](auto& s) { s.reminders = {"720h", "168h", "24h"}; }).reminders,
              ElementsAre(720h, 168h, 24h));
}

TEST(ExpiryConfig, ContradictoryRemindersAreReportedAndTheRestIsUsed) {
  auto config = read_with([](auto& s) { s.warn_before_days = 5, s.reminders = {"24h"}; });
  EXPECT_THAT(config.problems, ElementsAre(HasSubstr("contradict")));
  EXPECT_THAT(config.reminders, ElementsAre(24h));
  config = read_with([](auto& s) { s.reminders = {"24h", "168h", "soon", "0s", "24h", "1h"}; });
  EXPECT_EQ(config.problems.size(), 4u);
  EXPECT_THAT(config.reminders, ElementsAre(24h, 1h));
  config = read_with([](auto& s) { s.reminders = {"x"}; });
  EXPECT_THAT(config.reminders, ElementsAre(720h));  // there is always a reminder
}

TEST(ExpiryConfig, AtMostEightRemindersCount) {
  const auto config = read_with([](auto& s) {
    for (int i = 100; i > 0; --i) s.reminders.push_back(std::to_string(i) + "h");
  });
  EXPECT_EQ(config.reminders.size(), 8u);
  EXPECT_THAT(config.problems, ElementsAre(HasSubstr("more than 8")));
}

TEST(ExpiryConfig, NamesOfSecretsAndLabelsAreThoseOfKubernetes) {
  const auto with_secret = [](const char* name) {
    return read_with([&](auto& s) {
      s.smtp = api::SmtpSpec{"smtp.example.com:587", {}, "t@example.com", name, "", {}, {}};
    });
  };
  EXPECT_THAT(with_secret("smtp.login").problems, IsEmpty());
  EXPECT_THAT(with_secret("Smtp").problems,
              ElementsAre(HasSubstr("spec.smtp.credentialsSecret: \"Smtp\" is not the name")));
  EXPECT_FALSE(with_secret("Smtp").smtp);
  const auto with_key = [](const char* key) {
    return read_with(
        [&](auto& s) { s.token_selector.emplace().match_expressions = {{key, "Exists", {}}}; });
  };
  EXPECT_THAT(with_key("example.com/team").problems, IsEmpty());
  for (const char* key : {"a b", "", "Example.com/team", "example.com/"})
    EXPECT_THAT(with_key(key).problems, ElementsAre(HasSubstr("is not a label's name"))) << key;
}

TEST(ExpiryConfig, DaysOutOfRangeAreReported) {
  for (const std::int64_t days :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{3651}, INT64_MAX, INT64_MIN}) {
    const auto config = read_with([&](auto& s) { s.warn_before_days = days; });
    EXPECT_THAT(config.problems, ElementsAre(HasSubstr("warnBeforeDays")));
    EXPECT_THAT(config.reminders, ElementsAre(720h));
  }
}

TEST(ExpiryConfig, LifetimesStayWithinTheirType) {
  const auto config =
      read_with([](auto& s) { s.permanent = {"720h", "8761h"}, s.temporary = {"5s", "24h"}; });
  EXPECT_EQ(config.permanent.default_ttl, 720h);
  EXPECT_FALSE(config.permanent.max);
  EXPECT_FALSE(config.temporary.default_ttl);
  EXPECT_EQ(config.temporary.max, 24h);
  EXPECT_THAT(config.problems,
              ElementsAre(HasSubstr("permanent.max"), HasSubstr("temporary.default")));
  EXPECT_THAT(read_with([](auto& s) { s.permanent = {"720h", "24h"}; }).problems,
              ElementsAre(HasSubstr("above max")));
}

TEST(ExpiryConfig, DigestIsBounded) {
  EXPECT_EQ(read_with([](auto& s) { s.digest = "0s"; }).route.digest, 0s);
  EXPECT_EQ(read_with([](auto& s) { s.digest = "24h"; }).route.digest, 24h);
  const auto config = read_with([](auto& s) { s.digest = "25h"; });
  EXPECT_EQ(config.route.digest, 5min);
  EXPECT_THAT(config.problems, ElementsAre(HasSubstr("spec.digest")));
}

TEST(ExpiryConfig, ABadAddressDoesNotAffectTheOthers) {
  const auto config = read_with([](auto& s) {
    s.emails = "a@example.com; nonsense ;b@example.com;";
    s.smtp = api::SmtpSpec{"smtp.example.com:587", {}, "t@example.com", "", "", {}, {}};
  });
  EXPECT_THAT(config.route.recipients, ElementsAre("a@example.com", "b@example.com"));
  EXPECT_THAT(config.bad_addresses, ElementsAre(HasSubstr("nonsense")));
  EXPECT_TRUE(config.route.mails);
  EXPECT_TRUE(config.smtp);
}

TEST(ExpiryConfig, MailWaitsWhileSmtpIsUnusable) {
  const auto config = read_with([](auto& s) {
    s.emails = "a@example.com";
    s.smtp = api::SmtpSpec{"smtp.example.com", "TLS", "nobody", "", "", {}, {}};
  });
  EXPECT_EQ(config.problems.size(), 3u);
  EXPECT_FALSE(config.smtp);
  EXPECT_TRUE(config.route.mails);
}

TEST(ExpiryConfig, MailWithoutTlsStaysInThePrivateNetwork) {
  const auto with = [](const char* server) {
    return read_with(
        [&](auto& s) { s.smtp = api::SmtpSpec{server, "None", "t@example.com", "", "", {}, {}}; });
  };
  EXPECT_TRUE(with("127.0.0.1:25").smtp);
  EXPECT_TRUE(with("[::1]:25").smtp);
  EXPECT_FALSE(with("smtp.example.com:25").smtp);
  EXPECT_THAT(with("8.8.8.8:25").problems, ElementsAre(HasSubstr("None is allowed only")));
}

TEST(ExpiryConfig, UserDomainsDefaultToTheDomainOfTheSender) {
  const auto with = [](std::optional<std::vector<std::string>> domains) {
    return read_with([&](auto& s) {
      s.email_token_user = true, s.email_domains = domains;
      s.smtp =
          api::SmtpSpec{"smtp.example.com:587", {}, "Tokens <t@Mail.example.com>", "", "", {}, {}};
    });
  };
  EXPECT_THAT(with({}).route.user_domains, ElementsAre("mail.example.com"));
  EXPECT_THAT(with({{"Example.com", "example.org"}}).route.user_domains,
              ElementsAre("example.com", "example.org"));
  EXPECT_THAT(with({std::vector<std::string>{}}).problems,
              ElementsAre(HasSubstr("spec.emailDomains")));
  EXPECT_THAT(with({std::vector<std::string>(33, "example.com")}).problems,
              ElementsAre(HasSubstr("more than 32")));
  EXPECT_EQ(with({}).smtp->helo, "mail.example.com");
}

TEST(ExpiryConfig, SelectorsDecideWhetherAConfigApplies) {
  const auto config = read_with([](auto& s) {
    s.namespace_selector = api::LabelSelector{{{"env", "prod"}}, {}};
    s.token_selector = api::LabelSelector{{}, {{"team", "Exists", {}}}};
  });
  EXPECT_TRUE(applies(config, {{"team", "a"}}, {{"env", "prod"}}));
  EXPECT_FALSE(applies(config, {}, {{"env", "prod"}}));
  EXPECT_FALSE(applies(config, {{"team", "a"}}, {}));
  EXPECT_TRUE(applies(read_with([](auto&) {}), {}, {}));
}

}  // namespace
}  // namespace apitoken::core
