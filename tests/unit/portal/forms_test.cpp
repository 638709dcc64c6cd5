// Forms: what they become, and which field a mistake belongs to.
#include "portal/forms.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace apitoken::portal {
namespace {

using nlohmann::json;

constexpr WallTime kNow{Seconds(1'800'000'000)};  // 2027-01-15T08:00:00Z

json token_form() {
  return {{"name", "ci"}, {"user", "alice@example.com"}, {"type", "Permanent"}, {"ttl", "720h"}};
}

std::vector<std::string> wrong_fields(const json& form) {
  std::vector<std::string> fields;
  const auto read = read_token_form(form, "team-a", kNow);
  const Expected<void> checked =
      read ? check_token_form(*read, kNow) : Expected<void>(refuse(read.error()));
  if (checked) return fields;
  for (const auto& cause : checked.error().causes) fields.push_back(cause.field);
  return fields;
}

TEST(Forms, BecomeAManifestWithoutWhatIsEmpty) {
  auto form = token_form();
  form["rotation"] = {{"policy", "Automatic"}, {"before", "72h"}};
  form["secret"] = {{"labels", {{"app", "shop"}}}, {"name", ""}};
  form["groups"] = json::array();
  const auto read = read_token_form(form, "team-a", kNow);
  ASSERT_TRUE(read);
  EXPECT_TRUE(check_token_form(*read, kNow));
  EXPECT_EQ(
      core::make_manifest(read->draft).dump(),
      R"({"apiVersion":"apitoken.dev/v1alpha1","kind":"ApiToken",)"
      R"("metadata":{"name":"ci","namespace":"team-a"},)"
      R"("spec":{"user":"alice@example.com","type":"Permanent","ttl":"720h",)"
      R"("secret":{"labels":{"app":"shop"}},"rotation":{"policy":"Automatic","before":"72h"}}})");
}

TEST(Forms, WithADateHaveItsTtl) {
  auto form = token_form();
  form["ttl"] = "";
  form["expiresAt"] = "2027-01-16T09:00:30+01:00";
  const auto read = read_token_form(form, "team-a", kNow);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->draft.ttl, "24h30s");
  form["expiresAt"] = "2027-01-15T08:00:00Z";
  EXPECT_THAT(wrong_fields(form), testing::ElementsAre("expiresAt"));
  form["expiresAt"] = "2037-01-15T08:00:00Z";
  EXPECT_THAT(wrong_fields(form), testing::ElementsAre("expiresAt"));
}

TEST(Forms, NameEachWrongField) {
  auto form = token_form();
  form["name"] = "CI Deploy";
  form["user"] = "system:admin";
  form["ttl"] = "soon";
  EXPECT_THAT(wrong_fields(form), testing::UnorderedElementsAre("name", "user", "ttl"));
  form = token_form();
  form["groups"] = "a";
  form["secret"] = {{"labels", {{"a", 1}}}, {"key", json::array()}};
  form["rotation"] = {{"before", 7}};
  EXPECT_THAT(wrong_fields(form), testing::UnorderedElementsAre("groups", "secret.labels",
                                                                "secret.key", "rotation.before"));
}

TEST(Forms, OfPatchesReplaceLabelsAsAWhole) {
  const json present = {{"spec", {{"secret", {{"labels", {{"a", "1"}, {"b", "2"}}}}}}}};
  const auto patch = read_token_patch({{"uid", "u"},
                                       {"resourceVersion", "7"},
                                       {"description", ""},
                                       {"rotation", nullptr},
                                       {"secretLabels", {{"b", "3"}}}},
                                      present);
  ASSERT_TRUE(patch);
  EXPECT_EQ((*patch)["metadata"], (json{{"uid", "u"}, {"resourceVersion", "7"}}));
  EXPECT_EQ((*patch)["spec"]["secret"]["labels"], (json{{"a", nullptr}, {"b", "3"}}));
  EXPECT_TRUE((*patch)["spec"]["description"].is_null());
  EXPECT_TRUE((*patch)["spec"]["rotation"].is_null());
  EXPECT_FALSE(read_token_patch({{"uid", "u"}, {"user", "mallory"}}, present));
}

TEST(Forms, OfRotationsTakeNoPrivateKey) {
  const auto plain = read_rotate_form({{"uid", "u"}}, "now");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->contains("spec"));
  const auto refused = read_rotate_form(
      {{"uid", "u"}, {"encryptTo", R"({"kty":"EC","crv":"P-256","x":"a","y":"b","d":"s3cret"})"}},
      "now");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().causes[0].field, "encryptTo");
  EXPECT_EQ(to_answer(refused.error()).body.find("s3cret"), std::string::npos);
  const auto kept = read_rotate_form({{"uid", "u"}, {"encryptTo", ""}}, "now");
  ASSERT_TRUE(kept);
  EXPECT_TRUE((*kept)["spec"]["secret"]["encryptTo"].is_null());
  EXPECT_TRUE((*kept)["spec"]["secret"]["deleteAfter"].is_null());
}

TEST(Forms, AsACommandAreQuotedForAShell) {
  core::TokenRequest draft{.name = "ci",
                           .ns = "team-a",
                           .user = "alice@example.com",
                           .description = "it's; rm -rf /",
                           .type = "Permanent",
                           .ttl = "720h",
                           .format = {},
                           .groups = {"a", "b c"},
                           .scopes = {},
                           .audiences = {},
                           .secret = {},
                           .rotation = {},
                           .ttl_after_expired = {}};
  EXPECT_EQ(create_command(draft),
            "kubectl apitoken create ci --namespace team-a --user alice@example.com --description "
            "'it'\\''s; rm -rf /' --type Permanent --ttl 720h --group a --group 'b c' --keep");
  draft.rotation.policy = "Automatic";
  EXPECT_EQ(create_command(draft), "");
}

}  // namespace
}  // namespace apitoken::portal
