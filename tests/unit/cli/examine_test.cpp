// Manifests: fields with faults are reported, correct manifests are explained.
#include "cli/examine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/command_line.hpp"
#include "cli/crds.hpp"
#include "cli/manifest.hpp"
#include "cli/schema.hpp"
#include "kube/yaml_json.hpp"

namespace apitoken::cli {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

Finding examined(const std::string& yaml) {
  const auto documents = kube::read_yaml(yaml, "test");
  if (!documents || documents->size() != 1) ADD_FAILURE() << "not one document: " << yaml;
  return documents && !documents->empty() ? examine(documents->front().dump()) : Finding{};
}

Finding token(const std::string& spec) {
  return examined(
      "{apiVersion: apitoken.dev/v1alpha1, kind: ApiToken, metadata: {name: ci}, spec: " + spec +
      "}");
}

Finding config(const std::string& spec) {
  return examined(
      "{apiVersion: apitoken.dev/v1alpha1, kind: TokenExpiryConfig, metadata: {name: c}, spec: " +
      spec + "}");
}

TEST(Examine, ExplainsAToken) {
  const auto finding = token("{user: alice, ttl: 2160h, secret: {key: api-key}}");
  EXPECT_THAT(finding.problems, IsEmpty());
  EXPECT_EQ(finding.subject, "apitoken/ci");
  EXPECT_THAT(finding.explanation,
              AllOf(HasSubstr("Permanent token for alice"), HasSubstr("2160h (90 days)"),
                    HasSubstr("Secret ci under api-key"), HasSubstr("mint-permanent")));
  EXPECT_THAT(token("{user: alice, type: Temporary}").explanation, HasSubstr("8h, by default"));
}

TEST(Examine, SaysWhenPeopleAreWarned) {
  EXPECT_THAT(token("{user: a, ttl: 2160h}").explanation, HasSubstr("warned 30 days before"));
  EXPECT_THAT(token("{user: a, ttl: 360h}").explanation, HasSubstr("warned 5 days before"));
  EXPECT_THAT(token("{user: a, type: Temporary}").explanation, HasSubstr("nobody is warned"));
  EXPECT_THAT(token("{user: a, rotation: {policy: Automatic}}").explanation,
              Not(HasSubstr("warned")));
  EXPECT_THAT(config("{emails: a@example.com}").explanation,
              HasSubstr("nobody gets mail: spec.smtp is missing"));
}

TEST(Examine, NamesFieldsThatDoNotExist) {
  EXPECT_THAT(token("{user: a, tll: 3h}").problems,
              ElementsAre("spec.tll: does not exist; did you mean ttl?"));
  EXPECT_THAT(token("{user: a, secret: {nmae: x}}").problems,
              ElementsAre("spec.secret.nmae: does not exist; did you mean name?"));
  EXPECT_THAT(token("{user: a, zzzzzzzzz: x}").problems,
              ElementsAre(AllOf(HasSubstr("spec.zzzzzzzzz: does not exist; there is "),
                                HasSubstr("description"))));
}

TEST(Examine, ReportsAFieldOfTheWrongTypeOnce) {
  EXPECT_THAT(token("{user: 5}").problems, ElementsAre("spec.user: must be a string"));
  EXPECT_THAT(token("{user: a, revoked: \"yes\"}").problems,
              ElementsAre("spec.revoked: must be true or false"));
  EXPECT_THAT(config("{warnBeforeDays: \"3\"}").problems,
              ElementsAre("spec.warnBeforeDays: must be a whole number"));
}

TEST(Examine, ReportsMissingFieldsAndHeads) {
  EXPECT_THAT(token("{}").problems, ElementsAre(HasSubstr("spec.user")));
  EXPECT_THAT(examined("{apiVersion: v1, kind: ApiToken, spec: {user: a}}").problems,
              ElementsAre(HasSubstr("apiVersion: \"v1\""), HasSubstr("metadata.name: is missing")));
  EXPECT_THAT(examined("{apiVersion: apitoken.dev/v1alpha1, kind: ApiToken, metadata: {name: Ci}, "
                       "spec: {user: a}}")
                  .problems,
              Contains(HasSubstr("metadata.name: \"Ci\"")));
  EXPECT_THAT(examined("{a: b}").problems, ElementsAre(HasSubstr("kind: is missing")));
  EXPECT_THAT(examined("[1, 2]").problems, ElementsAre(HasSubstr("kind: is missing")));
}

TEST(Examine, AppliesTheRulesOfTheOperator) {
  EXPECT_THAT(token("{user: 'system:x', ttl: 9000h}").problems,
              ElementsAre(HasSubstr("spec.user"), HasSubstr("spec.ttl: 9000h")));
  EXPECT_THAT(config("{emails: 'a@example.com;b'}").problems,
              ElementsAre(HasSubstr("spec.emails: \"b\" has no @")));
}

TEST(Examine, ExplainsWhomAConfigWarns) {
  EXPECT_THAT(config("{reminders: [720h, 24h]}").explanation,
              AllOf(HasSubstr("30 days, 1 day before expiry"), HasSubstr("without mail")));
}

TEST(Examine, AcceptsDocumentsOfAnyShape) {
  for (
      const char* odd :
      {"5", "[]", "null", "{}", "{\"kind\":5}", "{\"kind\":\"ApiToken\"}", "not json",
       "{\"kind\":\"\xff\"}", R"({"kind":"ApiToken","metadata":[1],"spec":[2]})",
       R"({"kind":"ApiToken","metadata":"x","spec":"y"})",
       R"({"kind":"ApiToken","metadata":{"name":5},"spec":null,"status":7})",
       R"({"kind":"TokenExpiryConfig","metadata":{"name":["a"]},"spec":{"smtp":[],"lifetimes":3}})",
       R"({"kind":"ApiToken","metadata":{"name":"a"},
           "spec":{"user":{"a":1},"secret":{"labels":[1]}}})"}) {
    EXPECT_THAT(examine(odd).problems, Not(IsEmpty())) << odd;
  }
}

TEST(Examine, SkipsOtherKinds) {
  const auto finding = examined("{apiVersion: v1, kind: Secret, metadata: {name: x}}");
  EXPECT_FALSE(finding.ours);
  EXPECT_EQ(finding.subject, "secret/x");
}

TEST(Examine, SuggestsAKindWithinItsGroup) {
  const auto finding =
      examined("{apiVersion: apitoken.dev/v1alpha1, kind: ApiTokn, metadata: {name: x}}");
  EXPECT_TRUE(finding.ours);
  EXPECT_EQ(finding.subject, "apitokn/x");
  EXPECT_THAT(
      finding.problems,
      ElementsAre("kind: \"ApiTokn\" does not exist in apitoken.dev; did you mean ApiToken?"));
  EXPECT_THAT(
      examined("{apiVersion: apitoken.dev/v1, kind: ExpiryConfig, metadata: {name: x}}").problems,
      ElementsAre(HasSubstr("apiVersion: \"apitoken.dev/v1\" must be apitoken.dev/v1alpha1"),
                  HasSubstr("did you mean TokenExpiryConfig?")));
  EXPECT_FALSE(
      examined("{apiVersion: apitoken.development/v1, kind: Thing, metadata: {name: x}}").ours);
}

// The fields of the CRD's schema of spec that have no fields of their own, and maps: "secret.name".
void collect_fields(const nlohmann::ordered_json& schema, const std::string& path,
                    std::vector<std::string>& fields) {
  for (const auto& [name, field] : schema.at("properties").items()) {
    if (field.contains("properties")) {
      collect_fields(field, path + name + "/", fields);
    } else {
      fields.push_back("/" + path + name);
    }
  }
}

TEST(Examine, KnowsEveryFieldThatTheCommandLineCanSet) {
  std::vector<std::string> words{"create", "ci"};
  for (const char* flag :
       {"--user=alice", "--description=d", "--type=Permanent", "--ttl=90d", "--format=Opaque",
        "--group=g", "--scope=s", "--audience=a", "--secret-name=s", "--key=k", "--label=team=shop",
        "--secret-label=team=shop", "--secret-annotation=example.com/note=a, b",
        "--delete-after=1h", "--rotate", "--rotate-before=30d", "--overlap=2h",
        "--ttl-after-expired=7d"})
    words.emplace_back(flag);
  const auto invocation = parse_command_line(words);
  ASSERT_TRUE(invocation) << invocation.error();
  const auto manifest = make_manifest("ci", "team-a", invocation->options, "the recipient's JWK");
  EXPECT_EQ(manifest["spec"]["secret"]["annotations"]["example.com/note"], "a, b");

  const auto crd = kube::read_yaml(std::string(kApiTokenCrd), "crd");
  ASSERT_TRUE(crd);
  const nlohmann::ordered_json& schema =
      crd->front()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
  std::vector<std::string> fields;
  collect_fields(schema, "", fields);
  EXPECT_GT(fields.size(), 15U);
  for (const std::string& field : fields) {
    if (field == "/revoked") continue;  // a command of its own
    EXPECT_TRUE(manifest["spec"].contains(nlohmann::ordered_json::json_pointer(field))) << field;
  }
  auto without_recipient = manifest;
  without_recipient["spec"]["secret"].erase("encryptTo");
  EXPECT_THAT(examine(without_recipient.dump()).problems, IsEmpty());
}

TEST(Examine, AcceptsTheSamples) {
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(APITOKEN_SOURCE_DIR "/manifests/samples")) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto documents = kube::read_yaml(text, entry.path().string());
    ASSERT_TRUE(documents);
    for (const auto& document : *documents)
      EXPECT_THAT(examine(document.dump()).problems, IsEmpty()) << entry.path();
  }
}

TEST(Schema, IsThatOfThisTree) {
  for (const auto& [file, text] : {std::pair{"apitokens.yaml", kApiTokenCrd},
                                   {"tokenexpiryconfigs.yaml", kTokenExpiryConfigCrd}}) {
    std::ifstream stream(std::string(APITOKEN_SOURCE_DIR "/crds/") + file);
    EXPECT_EQ(text, std::string(std::istreambuf_iterator<char>(stream), {})) << file;
  }
}

TEST(Schema, ChecksListItems) {
  const auto problems =
      check_schema(nlohmann::json::parse(
                       R"({"apiVersion":"a","kind":"b","spec":{"user":"u","groups":["a",5]}})"),
                   kApiTokenCrd);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].path, "spec.groups[1]");
}

TEST(Yaml, ReportsTheLineOfAnError) {
  EXPECT_THAT(kube::read_yaml("a: [b\n", "x.yaml").error().message,
              HasSubstr("x.yaml: no YAML, line"));
  EXPECT_EQ(kube::read_yaml("---\n---\na: 1\n---\n", "x")->size(), 1u);
}

TEST(Manifest, NamesALoginAfterItsUser) {
  EXPECT_THAT(login_name("Alice.B@example.com"), MatchesRegex("login-alice-b-[a-z0-9]{5}"));
  EXPECT_THAT(login_name("oidc:bob"), MatchesRegex("login-oidc-bob-[a-z0-9]{5}"));
  EXPECT_THAT(login_name("@@"), MatchesRegex("login-[a-z0-9]{5}"));
  EXPECT_THAT(login_name(std::string(300, 'a')), MatchesRegex("login-a{40}-[a-z0-9]{5}"));
  EXPECT_NE(login_name("alice"), login_name("alice"));
}

}  // namespace
}  // namespace apitoken::cli
