// SecretString: leaves no copy of its bytes.
#include "base/secret_string.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace apitoken {
namespace {

template <typename T>
concept Streams = requires(std::ostream& out, const T& value) { out << value; };

static_assert(!std::is_copy_constructible_v<SecretString> &&
              !std::is_copy_assignable_v<SecretString>);
static_assert(!std::is_convertible_v<SecretString, std::string_view> &&
              !std::is_convertible_v<std::string, SecretString>);
static_assert(!Streams<SecretString> && !fmt::is_formattable<SecretString>::value);

TEST(SecretString, WipesItsSource) {
  for (const std::size_t size : {std::size_t{5}, std::size_t{15}, std::size_t{16},
                                 std::size_t{500}}) {  // short strings are copied, long ones moved
    std::string source(size, 'x');
    const SecretString secret(std::move(source));
    EXPECT_EQ(secret.reveal(), std::string(size, 'x'));
    source.resize(source.capacity());  // reveals the rest of its buffer
    EXPECT_EQ(source.find('x'), source.npos) << size;
  }
}

TEST(SecretString, MovesWithoutACopyOfTheBytes) {
  SecretString first(std::string("hunter2"));
  SecretString second(std::move(first));
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(second.reveal(), "hunter2");
  SecretString third(std::string(100, 'y'));
  third = std::move(second);
  EXPECT_EQ(third.reveal(), "hunter2");
  EXPECT_TRUE(second.empty());
}

TEST(SecretString, WipeOverwritesTheWholeBuffer) {
  std::string text = "abcdefghijklmnopqrstuvwxyz";
  text.resize(3);
  wipe(text);
  EXPECT_TRUE(text.empty());
  text.resize(26);
  EXPECT_EQ(text, std::string(26, '\0'));
}

TEST(SecretString, ComparesInConstantTime) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "abcd"));
  EXPECT_FALSE(equal_constant_time("\xFF", "\x7F"));
}

}  // namespace
}  // namespace apitoken
