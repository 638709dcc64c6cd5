// The Secret of the signing keys: round trips, patches, damaged entries.
#include "api/jwt_key_secret.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "api/parsed.hpp"
#include "base/base64.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

JwtKeyEntry entry(const std::string& kid, const char* active_from) {
  return {kid, SecretString("PEM of " + kid), *parse_rfc3339("2026-03-24T12:00:00Z"),
          *parse_rfc3339(active_from)};
}

TEST(JwtKeySecret, SurvivesARoundTrip) {
  const auto body =
      encode_new_jwt_key_secret({"system", "keys"}, entry("k1", "2026-03-24T13:00:00Z"));
  auto object = json::parse(body.reveal());
  EXPECT_EQ(object["type"], "Opaque");
  EXPECT_EQ(object["metadata"]["namespace"], "system");
  object["metadata"]["uid"] = "u";
  object["metadata"]["resourceVersion"] = "7";
  const Parsed parsed(object.dump());
  const auto secret = decode_jwt_key_secret(parsed.json());
  ASSERT_TRUE(secret);
  ASSERT_EQ(secret->keys.size(), 1u);
  EXPECT_EQ(secret->keys[0].kid, "k1");
  EXPECT_EQ(secret->keys[0].pem.reveal(), "PEM of k1");
  EXPECT_EQ(format_rfc3339(secret->keys[0].created), "2026-03-24T12:00:00Z");
  EXPECT_EQ(format_rfc3339(secret->keys[0].active_from), "2026-03-24T13:00:00Z");
  EXPECT_TRUE(secret->damaged.empty());
}

TEST(JwtKeySecret, APatchAddsOneKeyAndRemovesOthersAtOneVersion) {
  const auto added = entry("k3", "2026-03-24T13:00:00Z");
  const auto patch = json::parse(encode_jwt_key_patch(identity(), &added, {"k1", "k2"}).reveal());
  EXPECT_EQ(patch["metadata"]["uid"], "u");
  EXPECT_EQ(patch["metadata"]["resourceVersion"], "7");
  ASSERT_EQ(patch["data"].size(), 6u);
  for (const char* name : {"k1.pem", "k1.json", "k2.pem", "k2.json"})
    EXPECT_TRUE(patch["data"][name].is_null());
  EXPECT_EQ(base64_decode(patch["data"]["k3.pem"].get<std::string>()), "PEM of k3");
  EXPECT_EQ(json::parse(encode_jwt_key_patch(identity(), nullptr, {"k1"}).reveal())["data"].size(),
            2u);
}

TEST(JwtKeySecret, KeysAreInOrderOfUseAndDamagedKeysAreNamed) {
  json object{
      {"metadata", {{"namespace", "a"}, {"name", "keys"}, {"uid", "u"}, {"resourceVersion", "7"}}}};
  auto& data = object["data"];
  const auto put = [&](const std::string& kid, const std::string& times) {
    data[kid + ".pem"] = base64_encode("PEM");
    data[kid + ".json"] = base64_encode(times);
  };
  put("late", R"({"createdAt":"2026-03-24T12:00:00Z","activeFrom":"2026-03-25T12:00:00Z"})");
  put("early", R"({"createdAt":"2026-03-24T12:00:00Z","activeFrom":"2026-03-24T12:00:00Z"})");
  put("timeless", R"({"createdAt":"2026-03-24T12:00:00Z","activeFrom":"soon"})");
  put("rubbish", "{");
  data["half.pem"] = base64_encode("PEM");
  data["other-half.json"] = base64_encode("{}");
  data["crooked.json"] = "!";
  data["theirs"] = base64_encode("stays");
  const Parsed parsed(object.dump());
  const auto secret = decode_jwt_key_secret(parsed.json());
  ASSERT_TRUE(secret);
  std::vector<std::string> kids;
  for (const auto& key : secret->keys) kids.push_back(key.kid);
  EXPECT_THAT(kids, ElementsAre("early", "late"));
  EXPECT_THAT(secret->damaged,
              UnorderedElementsAre("timeless", "rubbish", "half", "other-half", "crooked"));
}

TEST(JwtKeySecret, WithoutDataItIsEmpty) {
  const Parsed parsed(
      R"({"metadata": {"namespace": "a", "name": "keys", "uid": "u", "resourceVersion": "7"}})");
  EXPECT_TRUE(decode_jwt_key_secret(parsed.json())->keys.empty());
  const Parsed nameless(R"({"metadata": {}})");
  EXPECT_FALSE(decode_jwt_key_secret(nameless.json()));
}

}  // namespace
}  // namespace apitoken::api
