// The table of TokenExpiryConfigs, and the configs that apply to a token.
#include "reconcile/config_table.hpp"

#include <gtest/gtest.h>

namespace apitoken::reconcile {
namespace {

api::ObjectMeta meta(std::string ns, std::string name, std::string version = "1") {
  api::ObjectMeta result;
  result.ns = std::move(ns);
  result.name = std::move(name);
  result.uid = "uid-" + result.name;
  result.resource_version = std::move(version);
  return result;
}

class ConfigTableTest : public ::testing::Test {
 protected:
  void give(std::string name, std::optional<api::LabelSelector> namespaces,
            std::optional<api::LabelSelector> tokens) {
    api::TokenExpiryConfig config;
    config.meta = meta("", std::move(name));
    config.spec.namespace_selector = std::move(namespaces);
    config.spec.token_selector = std::move(tokens);
    stores_.configs.put(std::move(config));
    table_.rebuild(stores_);
  }
  std::vector<std::string> names(const api::ApiToken& token) {
    const auto list = table_.snapshot();
    std::vector<std::string> result;
    for (const auto* config : matching(*list, token, stores_)) result.push_back(config->name);
    return result;
  }

  Stores stores_;
  ConfigTable table_;
};

using Names = std::vector<std::string>;

TEST_F(ConfigTableTest, MatchesByLabelsOfNamespaceAndToken) {
  api::PartialObject ns{meta("", "team-a")};
  ns.meta.labels = {{"env", "prod"}};
  stores_.namespaces.put(ns);
  give("all", {}, {});
  give("prod", api::LabelSelector{{{"env", "prod"}}, {}}, {});
  give("team", {}, api::LabelSelector{{{"team", "x"}}, {}});
  api::ApiToken token;
  token.meta = meta("team-a", "ci");
  EXPECT_EQ(names(token), (Names{"all", "prod"}));
  token.meta.labels = {{"team", "x"}};
  EXPECT_EQ(names(token), (Names{"all", "prod", "team"}));
  token.meta.ns = "unknown";  // a namespace not seen yet has no labels
  EXPECT_EQ(names(token), (Names{"all", "team"}));
}

TEST_F(ConfigTableTest, ASnapshotStaysWhileTheTableChanges) {
  give("a", {}, {});
  const auto before = table_.snapshot();
  give("b", {}, {});
  EXPECT_EQ(before->size(), 1u);
  EXPECT_EQ(table_.snapshot()->size(), 2u);
  EXPECT_TRUE(find_config(*table_.snapshot(), "b"));
  EXPECT_FALSE(find_config(*before, "b"));
}

TEST_F(ConfigTableTest, AConfigThatIsBeingDeletedDoesNotApply) {
  api::TokenExpiryConfig config;
  config.meta = meta("", "leaving");
  config.meta.deleted = WallTime{};
  stores_.configs.put(std::move(config));
  table_.rebuild(stores_);
  EXPECT_TRUE(table_.snapshot()->empty());
}

}  // namespace
}  // namespace apitoken::reconcile
