// Getters: a missing field is absent, a field of the wrong type is absent and reported, and
// malformed documents are refused.
#include "api/json.hpp"

#include <gmock/gmock.h>

#include "api/parsed.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Json, AbsentAndNullMembersAreAbsentWithoutAProblem) {
  const Parsed parsed(R"({"a": null})");
  Problems problems;
  EXPECT_FALSE(read_string(parsed.json(), "a", "a", &problems));
  EXPECT_FALSE(read_string(parsed.json(), "b", "b", &problems));
  EXPECT_FALSE(read_integer(parsed.json(), "a", "a", &problems));
  EXPECT_FALSE(read_bool(parsed.json(), "a", "a", &problems));
  EXPECT_FALSE(read_object(parsed.json(), "a", "a", &problems));
  EXPECT_THAT(read_string_map(parsed.json(), "a", "a", &problems), IsEmpty());
  EXPECT_THAT(read_string_list(parsed.json(), "a", "a", &problems), IsEmpty());
  EXPECT_THAT(problems, IsEmpty());
}

TEST(Json, WrongTypesAreAbsentAndNamed) {
  const Parsed parsed(
      R"({"s": 1, "i": "1", "f": 1.5, "b": "true", "m": [], "l": "x", "o": "x", "mm": {"k": 1},
    "ll": ["a", 2, "c", {}]})");
  Problems problems;
  EXPECT_FALSE(read_string(parsed.json(), "s", "spec.s", &problems));
  EXPECT_FALSE(read_integer(parsed.json(), "i", "spec.i", &problems));
  EXPECT_FALSE(read_integer(parsed.json(), "f", "spec.f", &problems));
  EXPECT_FALSE(read_bool(parsed.json(), "b", "spec.b", &problems));
  EXPECT_THAT(read_string_map(parsed.json(), "m", "spec.m", &problems), IsEmpty());
  EXPECT_THAT(read_string_list(parsed.json(), "l", "spec.l", &problems), IsEmpty());
  EXPECT_FALSE(read_object(parsed.json(), "o", "spec.o", &problems));
  EXPECT_THAT(read_string_map(parsed.json(), "mm", "spec.mm", &problems), IsEmpty());
  EXPECT_THAT(read_string_list(parsed.json(), "ll", "spec.ll", &problems), ElementsAre("a", "c"));
  EXPECT_THAT(problems,
              ElementsAre("spec.s: must be a string", "spec.i: must be a whole number",
                          "spec.f: must be a whole number", "spec.b: must be true or false",
                          "spec.m: must be a map of strings", "spec.l: must be a list",
                          "spec.o: must be an object", "spec.mm.k: must be a string",
                          "spec.ll[1]: must be a string", "spec.ll[3]: must be a string"));
}

TEST(Json, NumbersBeyond64BitsAreNotWholeNumbers) {
  const Parsed parsed(
      R"({"a": 9223372036854775807, "b": 9223372036854775808, "c": -9223372036854775808})");
  EXPECT_EQ(read_integer(parsed.json(), "a", "a"), INT64_MAX);
  EXPECT_FALSE(read_integer(parsed.json(), "b", "b"));
  EXPECT_EQ(read_integer(parsed.json(), "c", "c"), INT64_MIN);
}

// The API server prints a number in a field without a type with up to 21 digits, then with an
// exponent.
TEST(Json, AnIntegerBeyond64BitsAffectsOnlyItsField) {
  JsonParser parser;
  for (const std::string number :
       {"99999999999999999999", "-9223372036854775809", "18446744073709551616", "1e+21"}) {
    const auto parsed = parser.parse(R"({"text": "\u00fc\"1e", "big": )" + number +
                                     R"(, "list": [1, {"a": -7}], "time": 0.5})");
    ASSERT_TRUE(parsed) << number;
    Problems problems;
    EXPECT_FALSE(read_integer(*parsed, "big", "spec.big", &problems));
    EXPECT_FALSE(read_string(*parsed, "big", "spec.big", &problems));
    EXPECT_THAT(problems,
                ElementsAre("spec.big: must be a whole number", "spec.big: must be a string"));
    EXPECT_EQ(read_string(*parsed, "text", "text"), "ü\"1e");
    EXPECT_EQ(read_integer(read_array(*parsed, "list").at(1), "a", "a"), -7);
  }
}

TEST(Json, MembersOfOtherValuesThanObjectsAreAbsent) {
  for (const char* text : {"1", "\"x\"", "[]", "null", "true"}) {
    const Parsed parsed(text);
    EXPECT_FALSE(member(parsed.json(), "a")) << text;
    EXPECT_THAT(read_array(parsed.json(), "a"), IsEmpty()) << text;
  }
}

TEST(Json, InvalidDatesAreAbsent) {
  const Parsed parsed(
      R"({"a": "99999-01-01T00:00:00Z", "b": "yesterday", "c": 1774355400,
    "d": "2026-02-30T00:00:00Z", "e": "2026-03-24T12:30:00Z"})");
  for (const char* name : {"a", "b", "c", "d"})
    EXPECT_FALSE(read_time(parsed.json(), name)) << name;
  EXPECT_EQ(read_time(parsed.json(), "e"), parse_rfc3339("2026-03-24T12:30:00Z"));
}

TEST(Json, MalformedDocumentsAreRefusedWithTheirSize) {
  JsonParser parser;
  for (const std::string text :
       {"", "{", "{\"a\":}", "{\"a\":1}}", "nul", "{\"a\":\"\x80\"}", "{\"a\":\"\\ud800\"}", "[1,]",
        "[99999999999999999999,]", "[012]", "[-]", "[1e999]", "[99999999999999999999, \"\x80\"]"}) {
    const auto parsed = parser.parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::Decode);
    EXPECT_NE(parsed.error().message.find(std::to_string(text.size())), std::string::npos);
  }
}

TEST(Json, DeepNestingIsRefused) {
  JsonParser parser;
  EXPECT_FALSE(parser.parse(std::string(100'000, '[')));
  EXPECT_FALSE(parser.parse(std::string(5'000, '[') + std::string(5'000, ']')));
  const std::string big = "[99999999999999999999,";
  EXPECT_FALSE(parser.parse(big + std::string(1'000'000, '[')));
  EXPECT_FALSE(parser.parse(big + std::string(1'000'000, '[') + std::string(1'000'001, ']')));
  EXPECT_TRUE(parser.parse("{}"));  // the parser still works
}

}  // namespace
}  // namespace apitoken::api
