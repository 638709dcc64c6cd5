// ApiTokens: decoding, also of malformed objects, and patches of the status.
#include "api/api_token.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "api/parsed.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kMeta =
    R"("metadata": {"namespace": "team-a", "name": "ci", "uid": "u", "resourceVersion": "7"})";

Result<ApiToken> decode(const std::string& members) {
  const Parsed parsed("{" + std::string(kMeta) + (members.empty() ? "" : ", ") + members + "}");
  return decode_api_token(parsed.json());
}

TEST(ApiToken, DecodesAllFields) {
  const auto token = decode(
      R"("spec": {"user": "alice@example.com", "type": "Temporary", "ttl": "1h", "revoked": true,
    "ttlAfterExpired": "0s", "secret": {"name": "s", "key": "k", "labels": {"a": "b"}}})");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->spec.user, "alice@example.com");
  EXPECT_EQ(token->spec.type, "Temporary");
  EXPECT_TRUE(token->spec.revoked);
  EXPECT_EQ(token->secret_name(), "s");
  EXPECT_EQ(token->secret_key(), "k");
  EXPECT_THAT(token->spec.problems, IsEmpty());
}

TEST(ApiToken, AbsentNamesHaveDefaults) {
  const auto token = decode(R"("spec": {"user": "a"})");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->secret_name(), "ci");
  EXPECT_EQ(token->secret_key(), "token");
}

TEST(ApiToken, WrongTypesAreProblemsNotErrors) {
  const auto token = decode(
      R"("spec": {"user": 1, "description": [], "type": {}, "ttl": 3600, "revoked": "true",
    "ttlAfterExpired": false,
    "secret": {"name": 1, "key": 2, "labels": {"a": 1}, "annotations": "x"}})");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->spec.problems.size(), 10u);
  EXPECT_THAT(token->spec.problems, Contains("spec.ttl: must be a string"));
  EXPECT_FALSE(token->spec.revoked);
}

// Otherwise a value would be minted into a Secret that nobody named.
TEST(ApiToken, SecretOfTheWrongTypeIsAProblem) {
  const auto token = decode(R"("spec": {"user": "a", "secret": "ci-deploy"})");
  ASSERT_TRUE(token);
  EXPECT_THAT(token->spec.problems, ElementsAre("spec.secret: must be an object"));
}

TEST(ApiToken, AMissingOrMalformedSpecIsEmpty) {
  for (const char* members :
       {"", R"("spec": null)", R"("spec": "x")", R"("spec": [], "status": 7)"}) {
    const auto token = decode(members);
    ASSERT_TRUE(token) << members;
    EXPECT_EQ(token->spec.user, "");
  }
}

TEST(ApiToken, MalformedStatusFieldsAreAbsent) {
  const auto token = decode(
      R"("status": {"expiresAt": "99999-01-01T00:00:00Z", "issuedAt": 5,
    "revision": 9223372036854775807,
    "conditions": {"a": 1}, "notices": [{"config": "c", "before": "30d"}, {"before": "24h"},
    "x"]})");
  ASSERT_TRUE(token);
  EXPECT_FALSE(token->status.expires_at);
  EXPECT_FALSE(token->status.issued_at);
  EXPECT_LT(token->status.revision + 1, INT64_MAX);
  // An unreadable entry must not count as the notice of the expiry, which would suppress all
  // others.
  ASSERT_EQ(token->status.notices.size(), 1u);
  EXPECT_EQ(token->status.notices[0].before, 24h);
}

TEST(ApiToken, DecodesAnObjectOfFiveMegabytes) {
  std::string labels;
  for (int i = 0; i < 100'000; ++i)
    labels += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":\"" + std::string(32, 'v') + "\"";
  const auto token =
      decode(R"("spec": {"user": "a", "description": ")" + std::string(1'000'000, 'd') +
             R"(", "secret": {"labels": {)" + labels + "}}}");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->spec.secret->labels.size(), 100'000u);
}

TEST(ApiToken, StatusSurvivesARoundTrip) {
  ApiTokenStatus status;
  status.observed_generation = 2;
  status.conditions = {{"Ready", "True", "Issued", "valid", WallTime(1774355400s), 2}};
  status.type = "Permanent";
  status.ttl = "720h0m0s";
  status.token_id = "7Gk2aaaa";
  status.token_hash = "sha256:ab";
  status.hint = "…x9Qe";
  status.issued_at = WallTime(1774355400s);
  status.expires_at = WallTime(1776947400s);
  status.warn_at = WallTime(1776342600s);
  status.revision = 4;
  status.secret_name = "ci";
  status.notices = {{"default", 720h, WallTime(1774355400s), {}},
                    {"", 0s, {}, WallTime(1774355401s)}};
  const auto patch = encode_status_patch(identity(), status);
  const auto object = nlohmann::json::parse(patch);
  EXPECT_EQ(object["metadata"], (nlohmann::json{{"uid", "u"}, {"resourceVersion", "7"}}));
  const auto token = decode("\"status\": " + object["status"].dump());
  ASSERT_TRUE(token);
  EXPECT_EQ(token->status, status);
}

TEST(ApiToken, AbsentStatusFieldsAreNullInThePatch) {
  const auto status = nlohmann::json::parse(encode_status_patch(identity(), {}))["status"];
  for (const char* name : {"tokenHash", "tokenID", "warnAt", "expiresAt", "issuedAt", "hint",
                           "notices", "revision", "secretName"}) {
    EXPECT_TRUE(status.contains(name) && status[name].is_null()) << name;
  }
}

TEST(ApiToken, APatchWritesKeepsOrRemovesTheEncryptedValue) {
  const auto patched = [](const ApiTokenStatus& status, std::string_view value) {
    return nlohmann::json::parse(encode_status_patch(identity(), status, value))["status"];
  };
  ApiTokenStatus status;
  EXPECT_TRUE(patched(status, "").at("encryptedValue").is_null());
  EXPECT_TRUE(patched(status, "left over").at("encryptedValue").is_null());
  status.has_encrypted_value = true;
  EXPECT_EQ(patched(status, "a.b.c").at("encryptedValue"), "a.b.c");
  EXPECT_FALSE(patched(status, "").contains("encryptedValue"));  // the present value stays
  EXPECT_TRUE(decode(R"("status": {"encryptedValue": "a.b.c"})")->status.has_encrypted_value);
  EXPECT_FALSE(decode(R"("status": {"encryptedValue": null})")->status.has_encrypted_value);
}

}  // namespace
}  // namespace apitoken::api
