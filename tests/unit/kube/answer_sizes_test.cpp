#include "kube/answer_sizes.hpp"

#include <gtest/gtest.h>

namespace apitoken::kube {
namespace {

constexpr std::string_view kFirst = "/api/v1/secrets?limit=500";
constexpr std::string_view kNext = "/api/v1/secrets?limit=500&continue=abc";

TEST(AnswerSizes, ThePagesOfAListExpectTheSizeOfThoseBefore) {
  AnswerSizes sizes;
  EXPECT_EQ(sizes.expected(kFirst), 0u);
  sizes.came(kFirst, 800'000);
  EXPECT_EQ(sizes.expected(kNext), 900'000u);
  EXPECT_EQ(sizes.expected("/api/v1/secrets?limit=1"), 0u);
}

TEST(AnswerSizes, OneSmallPageChangesLittleAndManyAreBelieved) {
  AnswerSizes sizes;
  sizes.came(kNext, 800'000);
  sizes.came(kNext, 100);
  EXPECT_GE(sizes.expected(kNext), 700'000u);
  for (int i = 0; i < 100; ++i) sizes.came(kNext, 100);
  EXPECT_EQ(sizes.expected(kNext), 0u);
}

TEST(AnswerSizes, SmallAnswersAndVeryManyTargetsAreNotRemembered) {
  AnswerSizes sizes;
  sizes.came(kFirst, AnswerSizes::kWorthIt - 1);
  EXPECT_EQ(sizes.expected(kFirst), 0u);
  std::size_t remembered = 0;
  for (int i = 0; i < 1'000; ++i) sizes.came("/" + std::to_string(i), 100'000);
  for (int i = 0; i < 1'000; ++i) remembered += sizes.expected("/" + std::to_string(i)) > 0;
  EXPECT_GT(remembered, 0u);
  EXPECT_LE(remembered, AnswerSizes::kMaxKnown);
}

}  // namespace
}  // namespace apitoken::kube
