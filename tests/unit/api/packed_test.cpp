// What a store packs comes back as it was.
#include "api/packed.hpp"

#include <gtest/gtest.h>

#include "api/names.hpp"
#include "api/parsed.hpp"

namespace apitoken::api {
namespace {

constexpr std::string_view kUid = "6b0f5a1c-93de-4a7b-8c55-0f1e2d3c4b5a";
constexpr std::string_view kHash =
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const WallTime kNow{Seconds(1'774'355'400)};

template <typename T>
T again(const T& object) {
  const std::string bytes = pack(object);
  T result;
  unpack(bytes.data(), result);
  return result;
}

ObjectMeta meta_of(std::string uid) {
  return {"team-a",
          "ci",
          std::move(uid),
          "18446744073709551615",
          3,
          kNow,
          {},
          {{"app.kubernetes.io/managed-by", "apitoken-operator"}, {"team", "a"}},
          {{"apitoken.dev/token-hash", std::string(kHash)}, {"", "empty name"}, {"note", ""}},
          {{"apitoken.dev/v1alpha1", "ApiToken", "ci", std::string(kUid)}}};
}

ApiToken full_token() {
  ApiToken token;
  token.meta = meta_of(std::string(kUid));
  auto& spec = token.spec;
  spec.user = "alice@example.com";
  spec.description = std::string(300, 'd') + "ä\n\"";
  spec.type = "Temporary";
  spec.ttl = "";
  spec.format = "JWT";
  spec.groups = {"a", "", std::string(kUid)};
  spec.scopes = {"read"};
  spec.audiences = {"https://a"};
  spec.secret.edit() = {"s", "k", {{"l", "1"}}, {{"n", "2"}}, "5m", "-----BEGIN"};
  spec.rotation.edit() = {"Automatic", "24h", "0s"};
  spec.revoked = true;
  spec.ttl_after_expired = "0s";
  spec.problems = {"spec.ttl: must be a string"};
  auto& status = token.status;
  status.observed_generation = -5;
  status.conditions = {
      {condition::kReady, condition::kTrue, reason::kIssued, "valid", kNow, 3},
      {condition::kStalled, condition::kUnknown, reason::kMintFailed, "", WallTime{}, 0}};
  status.type = "Permanent";
  status.ttl = "8760h0m0s";
  status.token_id = "7Gk2mQ4z";
  status.token_hash = kHash;
  status.hint = "…x9Qe";
  status.issued_at = kNow;
  status.expires_at = kNow + Seconds(1);
  status.rotate_at = WallTime(Seconds(-62'135'596'800));  // the year 1
  status.warn_at = WallTime(Seconds(253'402'300'799));    // the year 9999
  status.delivered_at = kNow;
  status.revision = 1'000'000'000'000;
  status.has_encrypted_value = true;
  status.secret_name = "s";
  status.previous = PreviousToken{"former00", std::string(kHash), kNow, kNow + Seconds(9)};
  status.last_rotation_request = "2026-11-01T00:00:00Z";
  status.ignored_rotation_request = "soon";
  status.last_rotation_time = kNow;
  status.last_used_at = kNow;
  status.notices = {{"team", Seconds(3600), kNow, {}}, {"", Seconds(0), {}, kNow}};
  return token;
}

TEST(Packed, AnApiTokenWithEveryFieldComesBack) {
  const auto token = full_token();
  EXPECT_EQ(again(token), token);
}

TEST(Packed, AnEmptyObjectComesBack) {
  EXPECT_EQ(again(ApiToken()), ApiToken());
  EXPECT_EQ(again(SecretMeta()), SecretMeta());
}

TEST(Packed, ASecretComesBack) {
  const SecretMeta secret{meta_of("u"), {"token"}, {"other", ""}, {"team"}, {"note"}};
  EXPECT_EQ(again(secret), secret);
}

TEST(Packed, SkimmingGivesAllButForeignTexts) {
  const auto token = full_token();
  ApiToken skimmed = full_token();  // nothing of it may stay
  skimmed.spec.user = "somebody else";
  const std::string bytes = pack(token);
  skim(bytes.data(), skimmed);
  EXPECT_EQ(skimmed.meta.key(), token.meta.key());
  EXPECT_EQ(skimmed.meta.uid, "");
  EXPECT_TRUE(skimmed.meta.labels.empty());
  EXPECT_TRUE(skimmed.meta.annotations.empty());
  EXPECT_EQ(skimmed.spec.user, "");
  EXPECT_EQ(skimmed.spec.type, token.spec.type);
  EXPECT_EQ(skimmed.spec.format, token.spec.format);
  EXPECT_EQ(skimmed.spec.revoked, token.spec.revoked);
  EXPECT_EQ(skimmed.status.type, token.status.type);
  EXPECT_EQ(skimmed.status.token_hash, "");
  EXPECT_EQ(skimmed.status.expires_at, token.status.expires_at);
  EXPECT_EQ(skimmed.status.warn_at, token.status.warn_at);
  EXPECT_EQ(skimmed.status.last_rotation_time, token.status.last_rotation_time);
  EXPECT_EQ(skimmed.status.previous->replaced_at, token.status.previous->replaced_at);
  EXPECT_EQ(skimmed.status.conditions[0].reason, token.status.conditions[0].reason);
  EXPECT_EQ(skimmed.status.conditions[1].status, token.status.conditions[1].status);
  EXPECT_EQ(skimmed.status.notices.size(), token.status.notices.size());
}

TEST(Packed, NothingOfThePreviousObjectStays) {
  ApiToken used = full_token();
  const std::string empty = pack(ApiToken());
  unpack(empty.data(), used);
  EXPECT_EQ(used, ApiToken());
  const std::string bytes = pack(full_token());
  unpack(bytes.data(), used);
  EXPECT_EQ(used, full_token());
}

TEST(Packed, TextsThatLookLikeUidHashOrTimeComeBack) {
  const std::string uid(kUid);
  const std::string hash(kHash);
  const std::vector<std::string> texts{
      uid,
      hash,
      "6B0F5A1C-93DE-4A7B-8C55-0F1E2D3C4B5A",
      "6b0f5a1c-93de-4a7b-8c55-0f1e2d3c4b5",
      "6b0f5a1c093de-4a7b-8c55-0f1e2d3c4b5a",
      "sha256:",
      hash + "0",
      hash.substr(0, 8) + "G" + hash.substr(9),
      hash.substr(0, 8) + "A" + hash.substr(9),
      "2026-11-24T08:00:00Z",
      "0001-01-01T00:00:00Z",
      "9999-12-31T23:59:59Z",
      "2026-02-30T08:00:00Z",
      "2026-11-24T08:00:60Z",
      "2026-11-24t08:00:00Z",
      "2026-11-24T08:00:00z",
      std::string("a\0b", 3),
      std::string(70'000, 'x'),
  };
  for (const auto& text : texts) {
    ApiToken token;
    token.meta.uid = token.spec.user = text;
    token.spec.type = text;
    token.status.token_hash = text;
    EXPECT_EQ(again(token), token) << text.substr(0, 80);
  }
}

TEST(Packed, KeyAndVersionCanBeReadAlone) {
  const std::string bytes = pack(full_token());
  const auto version = peek_packed(bytes.data());
  EXPECT_EQ(version.ns, "team-a");
  EXPECT_EQ(version.name, "ci");
  EXPECT_EQ(version.resource_version, "18446744073709551615");
}

TEST(Packed, AMintedTokenAndItsSecretAreSmall) {
  ApiToken token;
  token.meta = meta_of(std::string(kUid));
  token.meta.labels.clear();
  token.meta.annotations.clear();
  token.meta.owners.clear();
  token.spec.user = "payments-ci@example.com";
  token.spec.description = "deploys payments from CI";
  token.status = full_token().status;
  token.status.notices.clear();
  token.status.previous.reset();
  EXPECT_LT(pack(token).size(), 350U);
  const SecretMeta secret{meta_of(std::string(kUid)), {"token"}, {}, {}, {}};
  EXPECT_LT(pack(secret).size(), 250U) << pack(token).size();
}

}  // namespace
}  // namespace apitoken::api
