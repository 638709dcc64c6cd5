// Spans of time on a terminal.
#include "cli/time_text.hpp"

#include <gtest/gtest.h>

namespace apitoken::cli {
namespace {

using namespace std::chrono_literals;

TEST(TimeText, ReadsDaysAndGoDurations) {
  EXPECT_EQ(parse_span("30d"), std::chrono::days(30));
  EXPECT_EQ(parse_span("1d12h"), 36h);
  EXPECT_EQ(parse_span("90m"), 90min);
  EXPECT_EQ(parse_span("0d"), 0s);
  for (const char* wrong :
       {"", "d", "-1d", "1", "1d1", "d1h", "1.5d", "1D", "1dd", "99999999999d", " 1d"})
    EXPECT_EQ(parse_span(wrong), std::nullopt) << wrong;
}

TEST(TimeText, ShowsAgesAsKubectlDoes) {
  EXPECT_EQ(short_span(-5s), "0s");
  EXPECT_EQ(short_span(119s), "119s");
  EXPECT_EQ(short_span(150s), "2m30s");
  EXPECT_EQ(short_span(2h), "120m");
  EXPECT_EQ(short_span(5h + 30min), "5h30m");
  EXPECT_EQ(short_span(30h), "30h");
  EXPECT_EQ(short_span(75h), "3d3h");
  EXPECT_EQ(short_span(std::chrono::days(90)), "90d");
  EXPECT_EQ(short_span(std::chrono::days(740)), "2y10d");
}

}  // namespace
}  // namespace apitoken::cli
