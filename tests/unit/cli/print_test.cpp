// Objects as YAML, JSON and names.
#include "cli/print.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "kube/yaml_json.hpp"

namespace apitoken::cli {
namespace {

using Tree = nlohmann::ordered_json;

TEST(Print, WritesYamlAsKubectlDoes) {
  const auto tree = Tree::parse(
      R"({"kind":"ApiToken","metadata":{"name":"ci","labels":{}},"spec":{"groups":["a","b"],
      "list":[{"x":1,"y":"z"},[2,3]],"none":[],"nothing":null}})");
  EXPECT_EQ(to_yaml(tree),
            "kind: ApiToken\nmetadata:\n  name: ci\n  labels: {}\nspec:\n  groups:\n  - a\n  - b\n"
            "  list:\n  - x: 1\n    \"y\": z\n  - - 2\n    - 3\n  none: []\n  nothing: null\n");
}

TEST(Print, QuotesStringsThatYamlReadsAsAnotherType) {
  for (const char* text : {"",
                           "true",
                           "No",
                           "on",
                           "null",
                           "~",
                           "1",
                           "1.5",
                           "0x1f",
                           "720h",
                           "2026-11-25T00:00:00Z",
                           "a: b",
                           "- a",
                           "# c",
                           "a\nb",
                           "\x1b[31m",
                           "{}",
                           "'",
                           "\"",
                           "*a",
                           "&a",
                           "!a",
                           "%a",
                           "@a",
                           " a",
                           "a ",
                           "ünïcode",
                           "NaN",
                           ".inf"}) {
    const auto yaml = to_yaml(Tree{{"value", text}});
    const auto back = kube::read_yaml(yaml, "test");
    ASSERT_TRUE(back && back->size() == 1) << yaml;
    EXPECT_EQ(back->front()["value"], nlohmann::json(text)) << yaml;
  }
}

TEST(Print, LeavesManagedFieldsOut) {
  const std::string object = R"({"metadata":{"name":"ci","managedFields":[{"manager":"x"}]}})";
  EXPECT_EQ(print_objects({object}, Output::Yaml, false), "metadata:\n  name: ci\n");
}

TEST(Print, PrintsAListOfSeveralObjectsOrIfAsked) {
  const std::string object = R"({"metadata":{"name":"ci"}})";
  EXPECT_EQ(nlohmann::json::parse(print_objects({object}, Output::Json, false))["metadata"]["name"],
            "ci");
  EXPECT_EQ(nlohmann::json::parse(print_objects({object}, Output::Json, true))["kind"], "List");
  EXPECT_EQ(nlohmann::json::parse(print_objects({}, Output::Json, true))["items"].size(), 0u);
  EXPECT_EQ(print_objects({object, object}, Output::Name, true),
            "apitoken.apitoken.dev/ci\napitoken.apitoken.dev/ci\n");
}

}  // namespace
}  // namespace apitoken::cli
