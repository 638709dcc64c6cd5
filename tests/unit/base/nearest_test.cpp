// Similar words.
#include "base/nearest.hpp"

#include <gtest/gtest.h>

#include <array>

namespace apitoken {
namespace {

TEST(Nearest, CountsChangedAddedAndMissingLetters) {
  EXPECT_EQ(edit_distance("rotate", "rotate"), 0u);
  EXPECT_EQ(edit_distance("rotat", "rotate"), 1u);
  EXPECT_EQ(edit_distance("rootate", "rotate"), 1u);
  EXPECT_EQ(edit_distance("rutate", "rotate"), 1u);
  EXPECT_EQ(edit_distance("", "rotate"), 6u);
}

TEST(Nearest, IsTheFirstOfTheClosestWords) {
  constexpr std::array<std::string_view, 3> kWords{"create", "rotate", "revoke"};
  EXPECT_EQ(nearest_word("rotte", kWords), "rotate");
  EXPECT_EQ(nearest_word("revoce", kWords), "revoke");
  EXPECT_EQ(nearest_word("", kWords), "create");
}

TEST(Nearest, IsEmptyIfAllWordsAreFar) {
  constexpr std::array<std::string_view, 3> kWords{"create", "list", "describe"};
  EXPECT_EQ(near_word("lst", kWords), "list");
  EXPECT_EQ(near_word("desc", kWords), "describe") << "it begins so";
  EXPECT_EQ(near_word("frob", kWords), std::nullopt);
  EXPECT_EQ(near_word("as", std::array<std::string_view, 2>{"all", "user"}), std::nullopt)
      << "every short word is near";
}

}  // namespace
}  // namespace apitoken
