// TokenExpiryConfigs: decoding, and patches of the status.
#include "api/token_expiry_config.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "api/parsed.hpp"

namespace apitoken::api {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Result<TokenExpiryConfig> decode(const std::string& members) {
  const Parsed parsed(R"({"metadata": {"name": "default", "uid": "u", "resourceVersion": "7"}, )" +
                      members + "}");
  return decode_token_expiry_config(parsed.json());
}

TEST(TokenExpiryConfig, DecodesAllFields) {
  const auto config = decode(
      R"("spec": {"warnBeforeDays": 30, "emails": "a@example.com;", "emailTokenUser": true,
    "digest": "0s",
    "namespaceSelector": {}, "tokenSelector": {"matchExpressions": [{"key": "env",
    "operator": "In", "values": ["prod"]}]},
    "lifetimes": {"permanent": {"default": "720h", "max": "8760h"}, "temporary": {"max": "8h"}},
    "smtp": {"server": "smtp.example.com:587", "from": "t@example.com",
    "credentialsSecret": "smtp", "caSecret": "ca"}})");
  ASSERT_TRUE(config);
  const auto& spec = config->spec;
  EXPECT_EQ(spec.warn_before_days, 30);
  EXPECT_TRUE(spec.email_token_user);
  EXPECT_TRUE(spec.namespace_selector);
  ASSERT_TRUE(spec.token_selector);
  EXPECT_EQ(spec.token_selector->match_expressions,
            (std::vector<LabelRequirement>{{"env", "In", {"prod"}}}));
  EXPECT_EQ(spec.permanent, (LifetimeSpec{"720h", "8760h"}));
  EXPECT_EQ(spec.temporary, (LifetimeSpec{{}, "8h"}));
  ASSERT_TRUE(spec.smtp);
  EXPECT_EQ(spec.smtp->ca_secret, "ca");
  EXPECT_FALSE(spec.smtp->tls);
  EXPECT_THAT(spec.problems, IsEmpty());
}

TEST(TokenExpiryConfig, WrongTypesAreProblemsNotErrors) {
  const auto config = decode(
      R"("spec": {"warnBeforeDays": "30", "reminders": "720h", "emails": ["a"],
    "emailTokenUser": 1, "digest": 5,
    "namespaceSelector": [], "lifetimes": "long", "smtp": "smtp.example.com"})");
  ASSERT_TRUE(config);
  EXPECT_THAT(
      config->spec.problems,
      ElementsAre("spec.warnBeforeDays: must be a whole number", "spec.reminders: must be a list",
                  "spec.emails: must be a string", "spec.emailTokenUser: must be true or false",
                  "spec.namespaceSelector: must be an object", "spec.lifetimes: must be an object",
                  "spec.digest: must be a string", "spec.smtp: must be an object"));
}

TEST(TokenExpiryConfig, StatusSurvivesARoundTrip) {
  const TokenExpiryConfigStatus status{
      3,
      {{"Ready", "True", "Accepted", "", WallTime(1774355400s), 3}},
      10,
      2,
      WallTime(1774355400s),
      1,
      SkippedUsers{2, {"oidc:alice@example.com", "bob"}},
      TestMail{"2026-03-24T12:30:00Z",
               WallTime(1774355400s),
               1,
               {{"bob@example.com", "550 no"}},
               "half of it"}};
  const auto patch = nlohmann::json::parse(encode_status_patch(identity(), status));
  const auto config = decode("\"status\": " + patch["status"].dump());
  ASSERT_TRUE(config);
  EXPECT_EQ(config->status, status);
}

TEST(TokenExpiryConfig, AbsentStatusFieldsAreNullInThePatch) {
  const auto patch = nlohmann::json::parse(encode_status_patch(identity(), {}));
  EXPECT_TRUE(patch["status"].at("skippedUsers").is_null());
  EXPECT_TRUE(patch["status"].at("testMail").is_null());
}

TEST(TokenExpiryConfig, DecodesTheDomainsOfUserMail) {
  const auto config =
      decode(R"("spec": {"emailDomains": ["example.com"], "emailUserPrefix": "oidc:",
    "smtp": {"server": "smtp.example.com:587", "from": "t@example.com",
    "helo": "tokens.example.com", "auth": "LOGIN"}})");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->spec.email_domains, std::vector<std::string>{"example.com"});
  EXPECT_EQ(config->spec.email_user_prefix, "oidc:");
  EXPECT_EQ(config->spec.smtp->helo, "tokens.example.com");
  EXPECT_EQ(config->spec.smtp->auth, "LOGIN");
  EXPECT_FALSE(decode(R"("spec": {})")->spec.email_domains);
}

}  // namespace
}  // namespace apitoken::api
