// Which names of namespaces may leave the portal.
#include "portal/namespaces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace apitoken::portal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Namespaces, AreThoseAllowedAndNoOthers) {
  const std::vector<Candidate> candidates{{"b", "portal"}, {"a", "typed"}, {"secret", "typed"}};
  const auto found = allowed_of(candidates, {{true}, {true}, {false}});
  EXPECT_THAT(found.names, ElementsAre("a", "b"));
  EXPECT_EQ(found.source, "portal");
  EXPECT_FALSE(found.all);
}

TEST(Namespaces, TheSourceIsTheFirstThatHelped) {
  const std::vector<Candidate> candidates{{"b", "typed"}, {"a", "kubeconfig"}};
  EXPECT_EQ(allowed_of(candidates, {{false}, {true}}).source, "kubeconfig");
  EXPECT_EQ(allowed_of(candidates, {{false}, {false}}).source, "");
  EXPECT_THAT(allowed_of(candidates, {{false}, {false}}).names, IsEmpty());
}

TEST(Namespaces, CandidatesAreAskedAboutOnceAndWithinBounds) {
  auto few =
      without_repetitions({{"a", "portal"}, {"a", "typed"}, {"../x", "typed"}, {"", "typed"}});
  ASSERT_EQ(few.size(), 1U);
  EXPECT_EQ(few[0].source, "portal");
  std::vector<Candidate> many;
  for (int i = 0; i < 3000; ++i) many.push_back({"n" + std::to_string(i), "portal"});
  EXPECT_EQ(without_repetitions(std::move(many)).size(), kMaxNamespaces);
}

}  // namespace
}  // namespace apitoken::portal
