// Secrets: who wrote each key, and where encoded values are.
#include "api/secret.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "api/parsed.hpp"

namespace apitoken::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const ObjectMeta kAt = identity();

TEST(Secret, ManagedFieldsSayWhoWroteEachKey) {
  const Parsed parsed(
      R"({"metadata": {"namespace": "team-a", "name": "ci", "uid": "u", "resourceVersion": "7",
    "managedFields": [
    {"manager": "apitoken-operator", "operation": "Update", "fieldsV1": {"f:data": {".": {},
    "f:token": {}},
      "f:metadata": {"f:labels": {".": {}, "f:team": {}, "f:app.kubernetes.io/managed-by": {}},
                     "f:annotations": {"f:example.com/owner": {}, "f:apitoken.dev/user": {}}}}},
    {"manager": "kubectl-edit", "fieldsV1": {"f:data": {"f:extra": {}},
    "f:metadata": {"f:labels": {"f:mine": {}}}}},
    {"manager": "broken", "fieldsV1": "x"}, 5, {"fieldsV1": {"f:data": {"f:nameless": {}}}}]}})");
  const auto secret = decode_secret_meta(parsed.json());
  ASSERT_TRUE(secret);
  EXPECT_THAT(secret->data_keys_ours, ElementsAre("token"));
  EXPECT_THAT(secret->data_keys_others, UnorderedElementsAre("extra", "nameless"));
  EXPECT_THAT(secret->label_keys_ours, ElementsAre("team"));
  EXPECT_THAT(secret->annotation_keys_ours, ElementsAre("example.com/owner"));
}

TEST(Secret, DecodesAValueThatIsBase64) {
  const Parsed parsed(R"({"data": {"token": "YXB0X3g=", "bad": "!", "null": null, "number": 5}})");
  const auto value = decode_secret_value(parsed.json(), "token");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->reveal(), "apt_x");
  for (const char* key : {"bad", "null", "number", "absent"})
    EXPECT_FALSE(decode_secret_value(parsed.json(), key)) << key;
  const Parsed strange(R"({"data": "x"})");
  EXPECT_FALSE(decode_secret_value(strange.json(), "token"));
}

TEST(Secret, ACreatedSecretIsCompleteAndOwned) {
  ObjectMeta meta = kAt;
  meta.labels = {{"a", "b"}};
  meta.owners = {{"apitoken.dev/v1alpha1", "ApiToken", "ci", "owner-uid"}};
  const auto body = encode_new_secret(meta, "token", SecretString(std::string("apt_x")));
  const auto object = nlohmann::json::parse(body.reveal());
  EXPECT_EQ(object["data"], (nlohmann::json{{"token", "YXB0X3g="}}));
  EXPECT_EQ(object["type"], "Opaque");
  EXPECT_EQ(object["metadata"]["ownerReferences"][0]["uid"], "owner-uid");
  EXPECT_EQ(object["metadata"]["ownerReferences"][0]["controller"], true);
  EXPECT_FALSE(object["metadata"].contains("resourceVersion"));
}

TEST(Secret, PatchesCarryPreconditions) {
  const SecretString token(std::string("apt_x"));
  ObjectMeta desired;
  desired.labels = {{"a", "b"}};
  desired.owners = {{"apitoken.dev/v1alpha1", "ApiToken", "ci", "owner-uid"}};
  const auto value = encode_value_patch(
      kAt, std::array{DataChange{"to.ken", &token}, DataChange{"previous-token"}}, desired);
  const auto object = nlohmann::json::parse(value.reveal());
  EXPECT_EQ(object["metadata"]["uid"], "u");
  EXPECT_EQ(object["metadata"]["resourceVersion"], "7");
  EXPECT_EQ(object["metadata"]["labels"], (nlohmann::json{{"a", "b"}}));
  EXPECT_EQ(object["metadata"]["ownerReferences"][0]["uid"], "owner-uid");
  EXPECT_EQ(object["data"], (nlohmann::json{{"to.ken", "YXB0X3g="}, {"previous-token", nullptr}}));
  const auto changes = nlohmann::json::parse(
      encode_metadata_patch(kAt, {{"gone", std::nullopt}, {"here", "x"}}, {}));
  EXPECT_EQ(changes["metadata"]["resourceVersion"], "7");
  EXPECT_TRUE(changes["metadata"]["labels"]["gone"].is_null());
  EXPECT_EQ(changes["metadata"]["labels"]["here"], "x");
  EXPECT_FALSE(changes["metadata"].contains("annotations"));
  EXPECT_FALSE(changes.contains("data"));
  const auto gone = nlohmann::json::parse(encode_metadata_patch(kAt, {}, {}, {"previous-token"}));
  EXPECT_EQ(gone["data"], (nlohmann::json{{"previous-token", nullptr}}));
}

}  // namespace
}  // namespace apitoken::api
