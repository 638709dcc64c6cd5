// Letters, digits and blanks of ASCII; bytes of UTF-8 are none of them.
#include "base/ascii.hpp"

#include <gtest/gtest.h>

namespace apitoken {
namespace {

std::string all_that(bool (*fits)(char)) {
  std::string found;
  for (int c = 0; c < 256; ++c) {
    if (fits(static_cast<char>(c))) found += static_cast<char>(c);
  }
  return found;
}

TEST(Ascii, LettersAndDigitsAreThoseOfAsciiAlone) {
  const std::string upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const std::string lower = "abcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(all_that(is_digit), "0123456789");
  EXPECT_EQ(all_that(is_lower_letter), lower);
  EXPECT_EQ(all_that(is_letter), upper + lower);
  EXPECT_EQ(all_that(is_letter_or_digit), "0123456789" + upper + lower);
  EXPECT_EQ(all_that(is_lower_hex), "0123456789abcdef");
}

TEST(Ascii, LowerCaseChangesLettersAlone) {
  EXPECT_EQ(to_lower("AZaz09@[`{"), "azaz09@[`{");
  EXPECT_EQ(to_lower("\xC3\x84rger"), "\xC3\x84rger");
}

TEST(Ascii, TrimmedTextHasNoBlanksAtItsEnds) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed(" \ta ", " "), "\ta");
  EXPECT_EQ(trimmed(" \r\n"), "");
  EXPECT_EQ(trimmed(""), "");
}

}  // namespace
}  // namespace apitoken
