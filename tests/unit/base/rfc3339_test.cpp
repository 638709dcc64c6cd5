// RFC 3339 times: accepted and refused text, and round trips.
#include "base/rfc3339.hpp"

#include <gtest/gtest.h>

namespace apitoken {
namespace {

using namespace std::chrono_literals;

TEST(Rfc3339, WritesUtcInWholeSeconds) {
  EXPECT_EQ(format_rfc3339(WallTime(0s)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(WallTime(1774355400s)), "2026-03-24T12:30:00Z");
  EXPECT_EQ(format_rfc3339_micro(std::chrono::system_clock::time_point(1774355400s + 42us)),
            "2026-03-24T12:30:00.000042Z");
}

TEST(Rfc3339, AppliesOffsetsAndCutsFractions) {
  for (const char* text :
       {"2026-03-24T12:30:00Z", "2026-03-24t12:30:00z", "2026-03-24T12:30:00.999999999Z",
        "2026-03-24T14:00:00+01:30", "2026-03-24T01:30:00-11:00"}) {
    EXPECT_EQ(parse_rfc3339(text), WallTime(1774355400s)) << text;
  }
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"),
            parse_rfc3339("2017-01-01T00:00:00Z"));  // a leap second
  EXPECT_EQ(format_rfc3339(*parse_rfc3339("2024-02-29T00:00:00Z")), "2024-02-29T00:00:00Z");
}

TEST(Rfc3339, RefusesOtherText) {
  for (const char* text : {"",
                           "2026",
                           "2026-03-24",
                           "2026-03-24T12:30:00",
                           "2026-03-24 12:30:00Z",
                           "2026-02-30T00:00:00Z",
                           "2025-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:61Z",
                           "2026-01-01T00:00:00.Z",
                           "2026-01-01T00:00:00+24:00",
                           "2026-01-01T00:00:00+1:00",
                           "2026-01-01T00:00:00ZZ",
                           " 2026-01-01T00:00:00Z",
                           "-026-01-01T00:00:00Z",
                           "+2026-01-01T00:00:00Z",
                           "99999-01-01T00:00:00Z",
                           "0000-01-01T00:00:00Z",
                           "292277026596-12-04T15:30:08Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Rfc3339, RefusesTimesThatAnOffsetMovesOutOfFourDigitYears) {
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:59-00:01"));
  EXPECT_FALSE(parse_rfc3339("0001-01-01T00:00:00+00:01"));
  EXPECT_TRUE(parse_rfc3339("9999-12-31T23:59:59Z"));
  EXPECT_TRUE(parse_rfc3339("0001-01-01T00:00:00Z"));
}

TEST(Rfc3339, ParsesWhatItPrints) {
  for (auto time = *parse_rfc3339("0001-01-01T00:00:00Z");
       time < *parse_rfc3339("9990-01-01T00:00:00Z"); time += 123456789s) {
    ASSERT_EQ(parse_rfc3339(format_rfc3339(time)), time);
  }
}

}  // namespace
}  // namespace apitoken
