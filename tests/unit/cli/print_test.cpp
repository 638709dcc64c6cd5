// Objects as JSON, YAML and names.
#include "cli/print.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace apitoken::cli {
namespace {

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
