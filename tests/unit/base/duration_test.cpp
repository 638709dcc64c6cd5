// Durations in Go's notation, and for people.
#include "base/duration.hpp"

#include <gtest/gtest.h>

namespace apitoken {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsHoursMinutesAndSeconds) {
  EXPECT_EQ(parse_duration("720h"), 720h);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("8760h0m0s"), 8760h);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration("00090m"), 90min);
}

TEST(Duration, RefusesOtherText) {
  for (const char* text : {"",        "h",
                           "1",       "10",
                           "1d",      "1h30",
                           "-1h",     "+1h",
                           "1.5h",    "1 h",
                           " 1h",     "1h ",
                           "1ms",     "1us",
                           "1H",      "1hh",
                           "h1",      "0x10s",
                           "١h",      "99999999999999999999h",
                           "878401h", "9223372036854775807s",
                           "inf",     "1h-30m"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, IsWrittenAsGoPrintsIt) {
  EXPECT_EQ(format_duration(8760h), "8760h0m0s");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration_short(720h), "720h");
  EXPECT_EQ(format_duration_short(1h + 1s), "1h1s");
  EXPECT_EQ(format_duration_short(0s), "0s");
}

TEST(Duration, ParsesWhatItPrints) {
  for (Seconds duration = 0s; duration < 9000h; duration += 7919s) {
    ASSERT_EQ(parse_duration(format_duration(duration)), duration);
    ASSERT_EQ(parse_duration(format_duration_short(duration)), duration);
  }
}

TEST(Duration, IsDescribedInAtMostTwoUnits) {
  EXPECT_EQ(describe_duration(720h), "30 days");
  EXPECT_EQ(describe_duration(36h), "1 day 12 hours");
  EXPECT_EQ(describe_duration(36h + 59min), "1 day 12 hours");
  EXPECT_EQ(describe_duration(24h + 5s), "1 day");
  EXPECT_EQ(describe_duration(61s), "1 minute 1 second");
  EXPECT_EQ(describe_duration(0s), "0 seconds");
}

}  // namespace
}  // namespace apitoken
