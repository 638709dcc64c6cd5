#include "serve/expiry_collector.hpp"

#include <gmock/gmock.h>
#include <prometheus/metric_family.h>

#include "api/names.hpp"
#include "serve/page.hpp"
#include "support/manual_clock.hpp"

namespace apitoken::serve {
namespace {

using api::ApiToken;
using std::chrono::days;
using std::chrono::hours;
using test::lines_with;
using test::page_of;
using testing::HasSubstr;
using testing::Not;

constexpr WallTime kNow{Seconds(1'800'000'000)};

ApiToken token(const char* name, std::string_view reason, std::optional<Seconds> left = {}) {
  ApiToken made;
  made.meta.ns = "team-a";
  made.meta.name = name;
  made.status.type = "Permanent";
  if (left) made.status.expires_at = kNow + *left;
  api::set_condition(made.status.conditions, {"Ready", "True", reason, "", kNow, 1});
  return made;
}

class ExpiryMetrics : public testing::Test {
 protected:
  std::string page() const {
    const VisitTokensAfter visit_after = [this](const api::ObjectKey& key, std::size_t most,
                                                const VisitToken& visit) {
      ++visits_;
      auto at = std::ranges::find(tokens_, key, [](const ApiToken& t) { return t.meta.key(); });
      at = at == tokens_.end() ? tokens_.begin() : at + 1;
      std::size_t visited = 0;
      for (; at != tokens_.end() && visited < most; ++at, ++visited) visit(*at);
      return visited;
    };
    const TokenCollector expiration(TokenFamily::Expiration, visit_after);
    const TokenCollector warning(TokenFamily::Warning, visit_after);
    const FleetCollector fleet(clock_, visit_after, [] { return std::uint64_t{0}; });
    const TokenCollector rotation(TokenFamily::Rotation, visit_after,
                                  [&] { return !fleet.has_unfinished_rotations(); });
    const TokenCollector about(TokenFamily::About, visit_after);
    visits_ = 0;
    return page_of({{&fleet}, {&expiration, &warning, &rotation, &about}});
  }

  ManualClock clock_{kNow};
  std::vector<ApiToken> tokens_;
  mutable int visits_ = 0;
};

TEST_F(ExpiryMetrics, AnUnfinishedRotationHasASeries) {
  auto rotating = token("rotating", "Rotated", days(40));
  rotating.status.previous.emplace();
  rotating.status.last_rotation_time = kNow;
  tokens_ = {token("ci", "Issued", days(40)), rotating};
  const auto text = page();
  EXPECT_THAT(text, HasSubstr("apitoken_rotation_started_timestamp_seconds{namespace=\"team-a\","
                              "name=\"rotating\"} 1800000000\n"));
  EXPECT_EQ(lines_with(text, "apitoken_rotation_started_timestamp_seconds{"), 1);
  EXPECT_THAT(text, HasSubstr("apitokens_rotation_unfinished 1\n"));
  EXPECT_EQ(visits_, 5);
}

TEST_F(ExpiryMetrics, WithoutUnfinishedRotationsNoTokenIsVisitedForThem) {
  tokens_ = {token("ci", "Issued", days(40))};
  EXPECT_EQ(lines_with(page(), "apitoken_rotation_started_timestamp_seconds"), 0);
  EXPECT_EQ(visits_, 4);
}

TEST_F(ExpiryMetrics, ATokenHasItsExpiryItsWarningTimeAndItsState) {
  auto made = token("ci", "Issued", days(40));
  made.status.warn_at = kNow + days(10);
  tokens_ = {made};
  const auto text = page();
  EXPECT_THAT(
      text,
      HasSubstr(
          "apitoken_expiration_timestamp_seconds{namespace=\"team-a\",name=\"ci\"} 1803456000\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "apitoken_warning_timestamp_seconds{namespace=\"team-a\",name=\"ci\"} 1800864000\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "apitoken_info{namespace=\"team-a\",name=\"ci\",type=\"Permanent\",format=\"Opaque\","
          "reason=\"Issued\"} 1\n"));
}

TEST_F(ExpiryMetrics, ThousandsOfTokensAreOneFamilyWithOneHead) {
  for (int i = 0; i < 1000; ++i)
    tokens_.push_back(token(("t" + std::to_string(i)).c_str(), "Issued", days(40)));
  const auto text = page();
  EXPECT_EQ(lines_with(text, "apitoken_expiration_timestamp_seconds{"), 1000);
  EXPECT_EQ(lines_with(text, "# TYPE apitoken_expiration_timestamp_seconds "), 1);
  EXPECT_EQ(lines_with(text, "# HELP apitoken_info "), 1);
  EXPECT_THAT(text, HasSubstr("name=\"t999\"} "));
}

TEST_F(ExpiryMetrics, TheFormatIsTheOneAskedFor) {
  auto jwt = token("session", "Issued", hours(1));
  jwt.spec.format = "JWT";
  tokens_ = {jwt};
  EXPECT_THAT(
      page(),
      HasSubstr("name=\"session\",type=\"Permanent\",format=\"JWT\",reason=\"Issued\"} 1\n"));
}

TEST_F(ExpiryMetrics, WithoutWarningTimeThereIsNoWarningSeries) {
  tokens_ = {token("session", "Issued", hours(8))};
  EXPECT_EQ(lines_with(page(), "apitoken_warning_timestamp_seconds{"), 0);
}

TEST_F(ExpiryMetrics, ARevokedTokenHasNoTimesEvenBeforeItsStatusSaysSo) {
  auto just_revoked = token("just-revoked", "Issued", days(3));
  just_revoked.status.warn_at = kNow;
  just_revoked.spec.revoked = true;
  tokens_ = {just_revoked, token("revoked", "Revoked", days(3))};
  const auto text = page();
  EXPECT_EQ(lines_with(text, "apitoken_expiration_timestamp_seconds{"), 0);
  EXPECT_EQ(lines_with(text, "apitoken_warning_timestamp_seconds{"), 0);
  EXPECT_EQ(lines_with(text, "apitoken_info{"), 2);
  EXPECT_THAT(text, HasSubstr("apitokens_expiring{within=\"7d\"} 0\n"));
}

TEST_F(ExpiryMetrics, AnExpiredTokenKeepsItsTimesSoThatTheAlertContinues) {
  auto expired = token("old", "Expired", days(-300));
  expired.status.warn_at = kNow - days(330);
  tokens_ = {expired};
  const auto text = page();
  EXPECT_EQ(lines_with(text, "apitoken_expiration_timestamp_seconds{"), 1);
  EXPECT_EQ(lines_with(text, "apitoken_warning_timestamp_seconds{"), 1);
  EXPECT_THAT(text, HasSubstr("apitokens{type=\"Permanent\",reason=\"Expired\"} 1\n"));
}

TEST_F(ExpiryMetrics, TheFleetHasASeriesForEachLabelFromZero) {
  const auto text = page();
  EXPECT_EQ(lines_with(text, "apitokens{"), 16);
  EXPECT_EQ(lines_with(text, "apitokens_expiring{"), 3);
  EXPECT_EQ(lines_with(text, "apitoken_"), 0);
}

TEST_F(ExpiryMetrics, UnknownTypesAndReasonsMakeNoNewSeries) {
  auto odd = token("odd", "SomethingElse");
  odd.status.type = "";
  odd.spec.type = "Eternal";
  ApiToken untouched;
  untouched.meta.ns = "team-a";
  untouched.meta.name = "untouched";
  untouched.spec.type = "Temporary";
  tokens_ = {odd, untouched};
  const auto text = page();
  EXPECT_THAT(text, HasSubstr("apitokens{type=\"Permanent\",reason=\"Pending\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("apitokens{type=\"Temporary\",reason=\"Pending\"} 1\n"));
  EXPECT_EQ(lines_with(text, "apitokens{"), 16);
  EXPECT_THAT(text, Not(HasSubstr("Eternal")));
}

TEST_F(ExpiryMetrics, ExpiringCountsAreCumulativeAndGoByTheClock) {
  tokens_ = {token("a", "ExpiringSoon", hours(24)), token("b", "ExpiringSoon", days(7)),
             token("c", "Issued", days(30)), token("d", "Issued", days(31)),
             token("e", "ExpiringSoon", Seconds(1))};
  auto text = page();
  EXPECT_THAT(text, HasSubstr("apitokens_expiring{within=\"1d\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("apitokens_expiring{within=\"7d\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("apitokens_expiring{within=\"30d\"} 4\n"));
  clock_.advance(Seconds(1));
  EXPECT_THAT(page(), HasSubstr("apitokens_expiring{within=\"1d\"} 1\n"));
}

class FleetCounts : public testing::Test {
 protected:
  // The series of tokens that expire within a day.
  double expiring() {
    const auto families = fleet_.Collect();
    return families[1].metric[0].gauge.value;
  }

  ManualClock clock_{kNow};
  std::vector<ApiToken> tokens_{token("ci", "Issued", days(1) + hours(1))};
  std::uint64_t changes_ = 0;
  int visits_ = 0;
  FleetCollector fleet_{clock_,
                        [this](const auto&, std::size_t, const auto& visit) {
                          ++visits_;
                          for (const auto& each : tokens_) visit(each);
                          return tokens_.size();
                        },
                        [this] { return changes_; }};
};

TEST_F(FleetCounts, AreMadeOnceWhileNothingChanges) {
  EXPECT_EQ(expiring(), 0);
  clock_.advance(hours(1) - Seconds(1));
  EXPECT_EQ(expiring(), 0);
  EXPECT_EQ(visits_, 1);
}

TEST_F(FleetCounts, FollowTheClock) {
  EXPECT_EQ(expiring(), 0);
  clock_.advance(hours(1));
  EXPECT_EQ(expiring(), 1);
  clock_.advance(days(1));
  EXPECT_EQ(expiring(), 0);
  EXPECT_EQ(visits_, 3);
}

TEST_F(FleetCounts, FollowAClockThatIsSetBack) {
  clock_.advance(hours(1));
  EXPECT_EQ(expiring(), 1);
  clock_.set_wall(kNow);
  EXPECT_EQ(expiring(), 0);
}

TEST_F(FleetCounts, FollowEachChangeOfAToken) {
  EXPECT_EQ(expiring(), 0);
  tokens_.push_back(token("other", "Issued", hours(1)));
  ++changes_;
  EXPECT_EQ(expiring(), 1);
}

}  // namespace
}  // namespace apitoken::serve
