// Rules of the API server, matched as RBAC matches them.
#include "portal/access_rules.hpp"

#include <gtest/gtest.h>

#include "portal/problem.hpp"

namespace apitoken::portal {
namespace {

using Answer = AccessRules::Answer;
using nlohmann::json;

AccessRules rules_of(const json& status) {
  api::JsonParser parser;
  return AccessRules(*parser.parse(dump(json{{"status", status}})));
}

json rule(std::vector<std::string> verbs, std::vector<std::string> groups,
          std::vector<std::string> resources, std::vector<std::string> names = {}) {
  return {
      {"verbs", verbs}, {"apiGroups", groups}, {"resources", resources}, {"resourceNames", names}};
}

AccessRules complete(const std::vector<json>& rules) {
  return rules_of({{"resourceRules", rules}, {"incomplete", false}});
}

const Question kCreate{"create", "apitoken.dev", "apitokens", "team-a"};

TEST(AccessRules, AllowWhatOneOfThemNames) {
  const auto rules = complete({rule({"get", "create"}, {"apitoken.dev"}, {"apitokens"})});
  EXPECT_EQ(rules.answer(kCreate), Answer::Yes);
  EXPECT_EQ(rules.answer({"delete", "apitoken.dev", "apitokens", "team-a"}), Answer::No);
  EXPECT_EQ(rules.answer({"create", "", "apitokens", "team-a"}), Answer::No);
  EXPECT_EQ(rules.answer({"get", "", "secrets", "team-a"}), Answer::No);
}

TEST(AccessRules, OfTwoRulesAreNotOne) {
  const auto rules = complete({rule({"create"}, {"apitoken.dev"}, {"tokenexpiryconfigs"}),
                               rule({"get"}, {"apitoken.dev"}, {"apitokens"})});
  EXPECT_EQ(rules.answer(kCreate), Answer::No);
}

TEST(AccessRules, StarsStandForAll) {
  const auto rules = complete({rule({"*"}, {"*"}, {"*"})});
  EXPECT_EQ(rules.answer(kCreate), Answer::Yes);
  EXPECT_EQ(rules.answer({"impersonate", "", "users"}), Answer::Yes);
  EXPECT_EQ(complete({rule({"*"}, {"apitoken.dev"}, {"*"})}).answer({"get", "", "secrets", "a"}),
            Answer::No);
}

TEST(AccessRules, OfASubresourceAllowNothingOfTheResource) {
  EXPECT_EQ(complete({rule({"*"}, {"*"}, {"apitokens/status", "*/status"})}).answer(kCreate),
            Answer::No);
}

TEST(AccessRules, WithNamesAllowThoseAlone) {
  const auto rules = complete({rule({"get"}, {""}, {"secrets"}, {"ci", "web"})});
  EXPECT_EQ(rules.answer({"get", "", "secrets", "team-a", "ci"}), Answer::Yes);
  EXPECT_EQ(rules.answer({"get", "", "secrets", "team-a", "other"}), Answer::No);
  EXPECT_EQ(rules.answer({"get", "", "secrets", "team-a"}), Answer::No);
}

TEST(AccessRules, ThatAreIncompleteDenyNothing) {
  const auto allowed = json::array({rule({"create"}, {"apitoken.dev"}, {"apitokens"})});
  for (const json& status :
       {json{{"resourceRules", allowed}, {"incomplete", true}}, json{{"resourceRules", allowed}},
        json{{"resourceRules", allowed}, {"incomplete", false}, {"evaluationError", "webhook"}}}) {
    EXPECT_EQ(rules_of(status).answer(kCreate), Answer::Yes) << status;
    EXPECT_EQ(rules_of(status).answer({"get", "", "secrets", "team-a"}), Answer::Unknown) << status;
  }
  EXPECT_EQ(AccessRules().answer(kCreate), Answer::Unknown);
}

TEST(AccessRules, SayNothingOfWhatThePortalDoesNotAskAbout) {
  EXPECT_EQ(complete({rule({"*"}, {"*"}, {"*"})}).answer({"get", "", "pods", "a"}),
            Answer::Unknown);
}

}  // namespace
}  // namespace apitoken::portal
