#include "kube/resource.hpp"

#include <gtest/gtest.h>

#include "kube/resource_version.hpp"

namespace apitoken::kube {
namespace {

TEST(Resource, PathsFollowTheApisLayout) {
  EXPECT_EQ(path_of(resources::kApiTokens, ""), "/apis/apitoken.dev/v1alpha1/apitokens");
  EXPECT_EQ(path_of(resources::kApiTokens, "team-a", "ci", "status"),
            "/apis/apitoken.dev/v1alpha1/namespaces/team-a/apitokens/ci/status");
  EXPECT_EQ(path_of(resources::kSecrets, "team-a"), "/api/v1/namespaces/team-a/secrets");
  EXPECT_EQ(path_of(resources::kTokenExpiryConfigs, "", "default"),
            "/apis/apitoken.dev/v1alpha1/tokenexpiryconfigs/default");
  EXPECT_EQ(path_of(resources::kNamespaces, "ignored"), "/api/v1/namespaces");
}

TEST(Resource, ANameCannotLeaveItsPathSegment) {
  EXPECT_EQ(path_of(resources::kSecrets, "a", "../b?c"), "/api/v1/namespaces/a/secrets/..%2Fb%3Fc");
}

TEST(Resource, NamesHaveKubectlsForm) {
  EXPECT_EQ(name_of(resources::kSecrets), "secrets");
  EXPECT_EQ(name_of(resources::kApiTokens), "apitokens.apitoken.dev");
}

TEST(Resource, QueryValuesAreEscaped) {
  EXPECT_EQ(percent_encode("a=b,c d\xc3\xa4~"), "a%3Db%2Cc%20d%C3%A4~");
}

TEST(ResourceVersion, IsComparedAsANumberOfAnyLength) {
  EXPECT_TRUE(version_older("9", "10"));
  EXPECT_FALSE(version_older("10", "9"));
  EXPECT_FALSE(version_older("10", "10"));
  EXPECT_TRUE(version_older("", "1"));
  EXPECT_TRUE(version_older("99999999999999999999", "100000000000000000000"));
}

TEST(ResourceVersion, WithoutAnOrderTheLaterVersionIsNewer) {
  EXPECT_TRUE(version_older("b", "a"));
  EXPECT_FALSE(version_older("a", "a"));
}

}  // namespace
}  // namespace apitoken::kube
