// metav1: metadata, conditions and selectors.
#include "api/meta.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "api/parsed.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(Meta, DropsLastAppliedConfiguration) {
  const Parsed parsed(
      R"({"metadata": {"namespace": "team-a", "name": "ci", "uid": "u", "resourceVersion": "7",
    "generation": 3,
    "creationTimestamp": "2026-03-24T12:30:00Z", "labels": {"a": "b", "bad": 1},
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{…}", "x": "y"},
    "ownerReferences": [{"apiVersion": "apitoken.dev/v1alpha1", "kind": "ApiToken",
    "name": "ci", "uid": "o"}, 5]}})");
  const auto meta = decode_meta(parsed.json());
  ASSERT_TRUE(meta);
  EXPECT_EQ(meta->key().text(), "team-a/ci");
  EXPECT_EQ(meta->generation, 3);
  EXPECT_EQ(meta->labels, (StringMap{{"a", "b"}}));
  EXPECT_EQ(meta->annotations, (StringMap{{"x", "y"}}));
  ASSERT_EQ(meta->owners.size(), 2u);  // the malformed entry has no name
  EXPECT_EQ(meta->owners[0].uid, "o");
  EXPECT_EQ(meta->owners[1], OwnerReference{});
  EXPECT_FALSE(meta->deleted);
}

TEST(Meta, WithoutIdentityIsAnError) {
  for (const char* text : {"{}", "[]", R"({"metadata": 5})", R"({"metadata": {}})",
                           R"({"metadata": {"name": "a", "uid": "u"}})",
                           R"({"metadata": {"name": 1, "uid": "u", "resourceVersion": "1"}})"}) {
    const Parsed parsed(text);
    const auto meta = decode_meta(parsed.json());
    ASSERT_FALSE(meta) << text;
    EXPECT_EQ(meta.error().kind, ErrorKind::Decode);
  }
}

TEST(Meta, ConditionsSurviveARoundTrip) {
  const std::vector<Condition> conditions{
      {"Ready", "True", "Issued", "fine", WallTime(1774355400s), 3}};
  const Parsed parsed(nlohmann::json{{"conditions", encode_conditions(conditions)}}.dump());
  EXPECT_EQ(decode_conditions(parsed.json()), conditions);
}

TEST(Meta, ConditionKeepsItsTimeWhileItsStatusStays) {
  std::vector<Condition> conditions{{"Ready", "True", "Issued", "", WallTime(10s), 1}};
  set_condition(conditions, {"Ready", "True", "ExpiringSoon", "", WallTime(20s), 2});
  EXPECT_EQ(conditions[0].last_transition, WallTime(10s));
  EXPECT_EQ(conditions[0].reason, "ExpiringSoon");
  set_condition(conditions, {"Ready", "False", "Expired", "", WallTime(30s), 2});
  EXPECT_EQ(conditions[0].last_transition, WallTime(30s));
  set_condition(conditions, {"Stalled", "True", "Expired", "", WallTime(30s), 2});
  EXPECT_EQ(conditions.size(), 2u);
}

TEST(Meta, SelectorOfTheWrongTypeIsNamed) {
  Problems problems;
  const Parsed parsed(
      R"({"a": "x", "b": {"matchLabels": 1, "matchExpressions": {"key": "k"}},
    "c": {"matchExpressions": [7]}})");
  EXPECT_FALSE(decode_selector(parsed.json(), "a", "spec.a", &problems));
  EXPECT_TRUE(decode_selector(parsed.json(), "b", "spec.b", &problems));
  EXPECT_THAT(problems, ElementsAre("spec.a: must be an object",
                                    "spec.b.matchLabels: must be a map of strings",
                                    "spec.b.matchExpressions: must be a list"));
  const auto c = decode_selector(parsed.json(), "c", "spec.c", &problems);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->match_expressions,
            std::vector<LabelRequirement>{{}});  // core::check_selector reports it
}

}  // namespace
}  // namespace apitoken::api
