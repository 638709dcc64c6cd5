// ApiTokens as a table: order, filter, colours, and cells without control characters.
#include "cli/token_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/names.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const WallTime kNow = *parse_rfc3339("2026-11-25T00:00:00Z");

ShownToken token(std::string name, std::optional<Seconds> left, std::string_view status = "True",
                 std::string_view reason = "Issued") {
  ShownToken shown;
  shown.token.meta.ns = "team-a";
  shown.token.meta.name = std::move(name);
  shown.token.meta.created = kNow - 24h;
  shown.token.spec.user = "alice";
  if (left) shown.token.status.expires_at = kNow + *left;
  if (!status.empty())
    shown.token.status.conditions.push_back({api::condition::kReady, status, reason, "", kNow, 1});
  return shown;
}

std::vector<std::string> names_of(const std::vector<ShownToken>& tokens) {
  std::vector<std::string> names;
  for (const auto& each : tokens) names.push_back(each.token.meta.name);
  return names;
}

TEST(TokenTable, SortsByExpiry) {
  std::vector<ShownToken> tokens{token("late", 48h), token("pending", std::nullopt, ""),
                                 token("over", -1h), token("b", 1h), token("a", 1h)};
  sort_by_expiry(tokens);
  EXPECT_THAT(names_of(tokens), ElementsAre("over", "a", "b", "late", "pending"));
}

TEST(TokenTable, KeepsTokensThatExpireInTimeOrHaveExpired) {
  std::vector<ShownToken> tokens{token("over", -1h), token("soon", 24h), token("later", 25h),
                                 token("pending", std::nullopt, ""), token("revoked", 1h)};
  tokens.back().token.spec.revoked = true;
  keep_expiring(tokens, kNow, 24h);
  EXPECT_THAT(names_of(tokens), ElementsAre("over", "soon"));
}

TEST(TokenTable, ColoursByUrgency) {
  EXPECT_EQ(colour_of(token("a", 1h).token, kNow), Colour::Green);
  EXPECT_EQ(colour_of(token("a", 1h, "True", "ExpiringSoon").token, kNow), Colour::Yellow);
  EXPECT_EQ(colour_of(token("a", 1h, "False", "SecretConflict").token, kNow), Colour::Red);
  EXPECT_EQ(colour_of(token("a", -1s).token, kNow), Colour::Red) << "in spite of its status";
  EXPECT_EQ(colour_of(token("a", std::nullopt, "").token, kNow), Colour::None);
  auto revoked = token("a", 1h, "False", "Revoked");
  revoked.token.spec.revoked = true;
  EXPECT_EQ(colour_of(revoked.token, kNow), Colour::Faint);
}

TEST(TokenTable, LinesUpItsColumns) {
  const std::vector<ShownToken> tokens{token("ci", 48h), token("nightly-export", std::nullopt, "")};
  const auto text = format_table(token_rows(tokens, kNow, {}),
                                 [](Colour, std::string_view t) { return std::string(t); });
  EXPECT_EQ(
      text,
      "NAME             USER    TYPE        READY    REASON   EXPIRES                LEFT     AGE\n"
      "ci               alice   Permanent   True     Issued   2026-11-27T00:00:00Z   2d       24h\n"
      "nightly-export   alice   Permanent   <none>   <none>   <none>                 <none>   "
      "24h\n");
}

TEST(TokenTable, CountsCharactersAndLeavesColoursOutOfTheCount) {
  const std::vector<std::vector<Cell>> rows{{{"A"}, {"B"}}, {{"grün", Colour::Green}, {"x"}}};
  EXPECT_EQ(format_table(rows,
                         [](Colour colour, std::string_view text) {
                           return colour == Colour::None ? std::string(text)
                                                         : "<" + std::string(text) + ">";
                         }),
            "A      B\n<grün>   x\n");
}

TEST(TokenTable, RemovesControlCharactersFromCells) {
  const std::vector<std::vector<Cell>> rows{{{"a\x1b[2Jb\r\nc"}}};
  const auto text = format_table(rows, [](Colour, std::string_view t) { return std::string(t); });
  EXPECT_EQ(text.find('\x1b'), text.npos);
  EXPECT_EQ(text.find('\r'), text.npos);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(Terminal, UsesColoursOnlyIfTheTerminalDoes) {
  EXPECT_EQ(Terminal({.colours = false}, {}).painted(Colour::Red, "x"), "x");
  EXPECT_EQ(Terminal({.colours = true}, {}).painted(Colour::Red, "x"), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(Terminal({.colours = true}, {}).painted(Colour::None, "x"), "x");
}

}  // namespace
}  // namespace apitoken::cli
