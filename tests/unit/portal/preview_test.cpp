// A change of settings, compared with what is.
#include "portal/preview.hpp"

#include <gtest/gtest.h>

namespace apitoken::portal {
namespace {

using nlohmann::json;
using std::chrono::days;

constexpr WallTime kNow{Seconds(1'800'000'000)};

core::ExpiryConfig config(std::vector<Seconds> reminders, std::vector<std::string> recipients) {
  core::ExpiryConfig made;
  made.name = made.route.config = "default";
  made.reminders = std::move(reminders);
  made.route.mails = true;
  made.route.recipients = std::move(recipients);
  return made;
}

api::ApiToken token(const std::string& name, Seconds left, const std::string& ns = "team-a") {
  api::ApiToken made;
  made.meta = {.ns = ns, .name = name, .uid = name};
  made.spec.user = "alice@example.com";
  made.status.ttl = "8760h0m0s";
  made.status.expires_at = kNow + left;
  return made;
}

json summary(const Preview& preview) { return json::parse(preview.summary_line())["summary"]; }

json changes(Preview& preview) {
  json rows = json::array();
  for (const auto& line : preview.change_lines()) {
    const auto some = json::parse(line)["changes"];
    rows.insert(rows.end(), some.begin(), some.end());
  }
  return rows;
}

TEST(Preview, SaysWhatIsNewGoneAndTheSame) {
  Preview preview({config({days(30)}, {"a@example.com"})},
                  {config({days(30), days(5)}, {"a@example.com"})}, {}, "default", kNow);
  ASSERT_TRUE(preview.add(token("ci", days(100))));
  const auto rows = changes(preview);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0][6], "Same");
  EXPECT_EQ(rows[1][4], "120h");
  EXPECT_EQ(rows[1][6], "New");
  EXPECT_EQ(rows[2][4], "");
  EXPECT_EQ(rows[2][6], "Same");
}

TEST(Preview, OtherRecipientsAreAChange) {
  Preview preview({config({days(30)}, {"a@example.com"})}, {config({days(30)}, {"b@example.com"})},
                  {}, "default", kNow);
  preview.add(token("ci", days(100)));
  std::map<std::string, int> count;
  for (const auto& row : changes(preview)) ++count[row[6].get<std::string>()];
  EXPECT_EQ(count["New"], 2);
  EXPECT_EQ(count["Gone"], 2);
}

TEST(Preview, CountsWhatIsNear) {
  auto changed = config({days(60)}, {"a@example.com"});
  changed.route.email_token_user = true;
  changed.route.user_domains = {"example.com"};
  changed.permanent.max = days(30);
  Preview preview({config({days(30)}, {"a@example.com"})}, {changed}, {}, "default", kNow);
  preview.add(token("soon", days(33)));   // at once under 60 days, in 3 days under 30
  preview.add(token("later", days(65)));  // within 7 days under 60 days alone
  preview.add(token("far", days(300)));
  const auto found = summary(preview);
  EXPECT_EQ(found["tokens"], 3);
  EXPECT_EQ(found["now"]["within7days"], 1);
  EXPECT_EQ(found["then"]["within7days"], 2);
  EXPECT_EQ(found["then"]["atOnce"], 1);
  EXPECT_EQ(found["then"]["ownMail"], 1);
  EXPECT_EQ(found["then"]["ceiling"], 3);
}

TEST(Preview, LooksAtTheNamespacesLabels) {
  auto changed = config({days(30)}, {"b@example.com"});
  changed.namespace_selector =
      api::LabelSelector{.match_labels = {{"team", "a"}}, .match_expressions = {}};
  Preview preview({}, {changed}, {{"team-a", {{"team", "a"}}}}, "default", kNow);
  preview.add(token("in", days(100)));
  preview.add(token("out", days(100), "team-b"));
  EXPECT_EQ(summary(preview)["then"]["matched"], 1);
  for (const auto& row : changes(preview)) EXPECT_EQ(row[6] == "Same", row[1] == "out") << row;
}

TEST(Preview, SaysWhenThereAreMoreTokensThanItLooksAt) {
  Preview preview({}, {}, {}, "default", kNow);
  for (std::size_t i = 0; i < Preview::kMaxTokens; ++i)
    ASSERT_TRUE(preview.add(token("t", days(100))));
  EXPECT_FALSE(preview.add(token("t", days(100))));
  EXPECT_EQ(summary(preview)["truncated"], true);
  EXPECT_EQ(summary(preview)["tokens"], Preview::kMaxTokens);
  EXPECT_LE(changes(preview).size(), Preview::kMaxRows);
}

}  // namespace
}  // namespace apitoken::portal
