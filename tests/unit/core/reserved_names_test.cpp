// Reserved names: the table that the CRD is checked with too, and names from flags.
#include "core/reserved_names.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "core/validate.hpp"
#include "kube/yaml_json.hpp"

namespace apitoken::core {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

api::ApiToken token_in(std::string ns, nlohmann::json spec, std::string name = "probe") {
  if (!spec.contains("user")) spec["user"] = "alice@example.com";
  const nlohmann::json object{{"metadata",
                               {{"name", std::move(name)},
                                {"namespace", std::move(ns)},
                                {"uid", "u"},
                                {"resourceVersion", "1"}}},
                              {"spec", std::move(spec)}};
  api::JsonParser parser;
  const std::string text = object.dump();
  return *api::decode_api_token(*parser.parse(text));
}

TEST(ReservedNames, AgreesWithTheTableOfTheCrd) {
  std::ifstream file(APITOKEN_SOURCE_DIR "/tests/rules/reserved_names.yaml");
  std::stringstream text;
  text << file.rdbuf();
  const auto rows = kube::read_yaml(text.str(), "reserved_names.yaml");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_GT(rows->size(), 50u);
  for (const auto& row : *rows) {
    const auto problems =
        check_token(token_in("default", row.at("spec"), row.value("name", "probe")));
    if (!row.contains("refused")) {
      EXPECT_THAT(problems, IsEmpty()) << row.dump();
      continue;
    }
    EXPECT_THAT(problems, ElementsAre(StartsWith(row.at("refused").get<std::string>() + ": ")))
        << row.dump();
  }
}

TEST(ReservedNames, ARobotBelongsToItsNamespace) {
  const auto problems = [](std::string_view user, std::string ns) {
    return check_token(token_in(std::move(ns), {{"user", user}}));
  };
  EXPECT_THAT(problems("robot:team-a:ci", "team-a"), IsEmpty());
  for (const char* ns : {"team", "team-ab", "team-b", "kube-system"}) {
    EXPECT_THAT(problems("robot:team-a:ci", ns),
                ElementsAre(AllOf(
                    HasSubstr("spec.user: \"robot:team-a:ci\" is not a robot of this namespace"),
                    HasSubstr("use robot:" + std::string(ns) + ":<name>"))));
  }
  EXPECT_THAT(problems("robot:team-a:ci", ""), IsEmpty()) << "a file that names no namespace";
  EXPECT_FALSE(is_robot_of("robot:team-a:ci", ""));
}

TEST(ReservedNames, FlagsExtendTheBuiltInNames) {
  const ReservedNames extended{{"ops", "admins"}, {"example.com/", "sync"}};
  const auto spec =
      nlohmann::json::parse(R"({"groups": ["ops", "kubeadm:cluster-admins"], "secret": {
      "labels": {"example.com/a": "x", "sub.example.com/a": "x", "anexample.com/a": "x"},
      "annotations": {"sync": "yes", "async": "yes"}}})");
  const auto problems = check_token(token_in("default", spec), extended);
  EXPECT_THAT(
      problems,
      ElementsAre(
          AllOf(HasSubstr("spec.groups: \"ops\" is reserved"), HasSubstr("--reserved-groups")),
          HasSubstr("spec.secret.labels: example.com/a=x makes another controller act"),
          HasSubstr("spec.secret.labels: sub.example.com/a=x makes"),
          HasSubstr("spec.secret.annotations: sync=yes makes")));
  EXPECT_THAT(check_token(token_in("default", {{"groups", {"kubeadm:cluster-admins"}}})),
              Contains(HasSubstr("spec.groups: \"kubeadm:cluster-admins\" is reserved")));
}

}  // namespace
}  // namespace apitoken::core
