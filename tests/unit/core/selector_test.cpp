// Label selectors follow the rules of Kubernetes.
#include "core/selector.hpp"

#include <gmock/gmock.h>

namespace apitoken::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const api::StringMap kLabels{{"env", "prod"}, {"team", ""}};

bool fits(api::LabelRequirement requirement) {
  return matches(api::LabelSelector{{}, {std::move(requirement)}}, kLabels);
}

TEST(Selector, AnEmptySelectorMatchesAll) {
  EXPECT_TRUE(matches({}, kLabels));
  EXPECT_TRUE(matches({}, {}));
}

TEST(Selector, AllMatchLabelsMustMatch) {
  EXPECT_TRUE(matches({{{"env", "prod"}, {"team", ""}}, {}}, kLabels));
  EXPECT_FALSE(matches({{{"env", "dev"}}, {}}, kLabels));
  EXPECT_FALSE(matches({{{"env", "prod"}, {"absent", ""}}, {}}, kLabels));
}

TEST(Selector, OperatorsFollowKubernetes) {
  EXPECT_TRUE(fits({"env", "In", {"dev", "prod"}}));
  EXPECT_FALSE(fits({"env", "In", {"dev"}}));
  EXPECT_FALSE(fits({"absent", "In", {"x"}}));
  EXPECT_FALSE(fits({"env", "NotIn", {"prod"}}));
  EXPECT_TRUE(fits({"absent", "NotIn", {"x"}}));
  EXPECT_TRUE(fits({"team", "Exists", {}}));
  EXPECT_FALSE(fits({"absent", "Exists", {}}));
  EXPECT_TRUE(fits({"absent", "DoesNotExist", {}}));
  EXPECT_FALSE(fits({"team", "DoesNotExist", {}}));
}

TEST(Selector, AnUnknownOperatorMatchesNothingAndIsReported) {
  EXPECT_FALSE(fits({"env", "Gt", {"1"}}));
  EXPECT_FALSE(fits({"env", "in", {"prod"}}));
  const api::LabelSelector selector{
      {}, {{"a", "Gt", {"1"}}, {"b", "In", {}}, {"c", "Exists", {"x"}}, {"d", "Exists", {}}}};
  EXPECT_THAT(check_selector(selector, "spec.tokenSelector"),
              ElementsAre(HasSubstr("matchExpressions[a]: operator \"Gt\" does not exist"),
                          HasSubstr("[b]: operator In needs values"),
                          HasSubstr("[c]: operator Exists takes no values")));
  EXPECT_THAT(check_selector({}, "x"), IsEmpty());
}

}  // namespace
}  // namespace apitoken::core
