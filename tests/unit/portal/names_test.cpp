// Names before they become a part of a path.
#include "portal/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace apitoken::portal {
namespace {

using testing::ElementsAre;

TEST(Names, OfNamespacesAndObjectsArePlain) {
  EXPECT_TRUE(is_namespace("team-a"));
  EXPECT_TRUE(is_object_name("ci.deploy-1"));
  for (const char* trick : {"", ".", "..", "../x", "a/b", "a?b", "a#b", "a%2fb", "A", "-a", "a-",
                            "a b", "a\nb", "ü", "a..b"}) {
    EXPECT_FALSE(is_namespace(trick)) << trick;
    EXPECT_FALSE(is_object_name(trick)) << trick;
  }
  EXPECT_FALSE(is_namespace("a.b"));
  EXPECT_FALSE(is_namespace(std::string(64, 'a')));
  EXPECT_FALSE(is_object_name(std::string(300, 'a')));
  EXPECT_FALSE(is_object_name(std::string_view("a\0b", 3)));
}

TEST(Names, ARefusalNamesTheFieldAndShowsNoControlCharacter) {
  const auto refused = check_namespace("a\x1b[31m");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 400);
  ASSERT_EQ(refused.error().causes.size(), 1U);
  EXPECT_EQ(refused.error().causes[0].field, "namespace");
  EXPECT_EQ(refused.error().message.find('\x1b'), std::string::npos);
}

TEST(Names, HashesAndUidsHaveTheirAlphabet) {
  EXPECT_TRUE(is_token_hash("sha256:" + std::string(64, 'a')));
  EXPECT_FALSE(is_token_hash("sha256:" + std::string(63, 'a')));
  EXPECT_FALSE(is_token_hash("sha256:" + std::string(64, 'G')));
  EXPECT_TRUE(is_uid("0f6b2c1e-aaaa-bbbb-cccc-1234567890ab"));
  EXPECT_FALSE(is_uid(""));
  EXPECT_FALSE(is_uid("a/b"));
  EXPECT_FALSE(is_uid(std::string(65, 'a')));
}

TEST(Names, PathsAreSplitAtSlashes) {
  EXPECT_THAT(split_path("/"), ElementsAre(""));
  EXPECT_THAT(split_path("/api/tokens/team-a/ci"), ElementsAre("api", "tokens", "team-a", "ci"));
  EXPECT_THAT(split_path("/api/tokens/"), ElementsAre("api", "tokens"));
  EXPECT_THAT(split_path("/api//x"), ElementsAre("api", "", "x"));
}

}  // namespace
}  // namespace apitoken::portal
