// Notices: due reminders, names of Events, Message-IDs.
#include "core/notices.hpp"

#include <gmock/gmock.h>

#include "base/rfc3339.hpp"
#include "core/plain_text.hpp"

namespace apitoken::core {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Seconds kDay = 24h;
const WallTime kExpiry = *parse_rfc3339("2026-12-01T00:00:00Z");
const std::vector<Seconds> kReminders{30 * kDay, 7 * kDay, kDay, 0s};

std::optional<Seconds> due(Seconds ahead, std::vector<api::NoticeEntry> ledger = {}) {
  return due_notice(kReminders, kExpiry, "default", ledger, kExpiry - ahead);
}

api::NoticeEntry entry(std::string config, Seconds before) {
  return {std::move(config), before, {}, {}};
}

TEST(DueNotice, IsTheNearestReminderThatHasCome) {
  EXPECT_EQ(due(30 * kDay + 1s), std::nullopt);
  EXPECT_EQ(due(30 * kDay), 30 * kDay);
  EXPECT_EQ(due(20 * kDay), 30 * kDay);
  EXPECT_EQ(due(7 * kDay), 7 * kDay);
  EXPECT_EQ(due(1h), kDay);
  EXPECT_EQ(due(0s), 0s);
  EXPECT_EQ(due(-kDay), 0s);
}

TEST(DueNotice, IsDueOnce) {
  EXPECT_EQ(due(20 * kDay, {entry("default", 30 * kDay)}), std::nullopt);
  EXPECT_EQ(due(6 * kDay, {entry("default", 30 * kDay)}), 7 * kDay);
  EXPECT_EQ(due(6 * kDay, {entry("other", 7 * kDay)}), 7 * kDay);
  // A nearer notice is in the ledger: the clock was set back, or the reminders changed.
  EXPECT_EQ(due(20 * kDay, {entry("default", 7 * kDay)}), std::nullopt);
  EXPECT_EQ(due(-1h, {entry("default", 0s)}), std::nullopt);
}

TEST(NextDue, IsTheNextReminderAhead) {
  EXPECT_EQ(next_due(kReminders, kExpiry, kExpiry - 40 * kDay), kExpiry - 30 * kDay);
  EXPECT_EQ(next_due(kReminders, kExpiry, kExpiry - 30 * kDay), kExpiry - 7 * kDay);
  EXPECT_EQ(next_due(kReminders, kExpiry, kExpiry - 1s), kExpiry);
  EXPECT_EQ(next_due(kReminders, kExpiry, kExpiry), std::nullopt);
}

TEST(EventNames, AreEqualForEqualFactsAndFitKubernetes) {
  const NoticeKey key{"uid-1", kExpiry, "default", kDay};
  EXPECT_EQ(key.text(), "uid-1|2026-12-01T00:00:00Z|default|86400s");
  EXPECT_EQ(event_name("ci-deploy", key.text()), event_name("ci-deploy", key.text()));
  EXPECT_NE(event_name("ci-deploy", key.text()), event_name("ci-deploy", "another"));
  EXPECT_THAT(event_name("ci-deploy", key.text()), StartsWith("ci-deploy."));
  const std::string cut = event_name(std::string(235, 'a') + "-" + std::string(17, 'b'), "fact");
  EXPECT_LE(cut.size(), 253u);
  EXPECT_EQ(cut.find("-."), std::string::npos);
  EXPECT_EQ(event_name("", "fact").substr(0, 6), "event.");
}

TEST(NoticeEvents, SayWhatWhenAndWhatToDo) {
  Notice notice{{"uid-1", kExpiry, "default", 7 * kDay},
                "team-a",
                "ci",
                "alice\n@example.com",
                "7Gk2abcd",
                "Permanent",
                ""};
  const auto event = notice_event(notice, kExpiry - 7 * kDay);
  EXPECT_EQ(event.ns, "team-a");
  EXPECT_EQ(event.regarding.uid, "uid-1");
  EXPECT_EQ(event.reason, "ExpiringSoon");
  EXPECT_TRUE(event.warning);
  EXPECT_THAT(
      event.note,
      HasSubstr("7Gk2abcd of alice @example.com expires at 2026-12-01T00:00:00Z, in 7 days"));
  EXPECT_THAT(event.note, HasSubstr("Renew it"));
  notice.key.before = 0s;
  notice.warning = false;
  const auto end = notice_event(notice, kExpiry + 5s);
  EXPECT_EQ(end.reason, "Expired");
  EXPECT_FALSE(end.warning);
  EXPECT_THAT(end.note, HasSubstr("expired at 2026-12-01T00:00:00Z, 5 seconds ago"));
}

TEST(MessageIds, DoNotDependOnOrder) {
  const NoticeKey a{"a", kExpiry, "default", kDay};
  const NoticeKey b{"b", kExpiry, "default", kDay};
  const auto id = message_id({a, b}, {"x@example.com", "y@example.com"}, "example.com");
  EXPECT_EQ(id, message_id({b, a}, {"y@example.com", "x@example.com"}, "example.com"));
  EXPECT_NE(id, message_id({a}, {"x@example.com", "y@example.com"}, "example.com"));
  EXPECT_NE(id, message_id({a, b}, {"x@example.com"}, "example.com"));
  EXPECT_EQ(id.size(), 32 + std::string("<@example.com>").size());
}

TEST(PlainText, HasNoControlsNoDirectionMarksAndIsUtf8) {
  EXPECT_EQ(plain_text("a\r\nb\tc\x1b[31m"), "a  b c [31m");
  EXPECT_EQ(plain_text("grün \xF0\x9F\x98\x80"), "grün \xF0\x9F\x98\x80");
  EXPECT_EQ(plain_text("x\xE2\x80\xAEy\xC2\x85z"), "x y z");
  EXPECT_EQ(plain_text("\xFF\xC0\x80 \xED\xA0\x80 \xE2\x82"),
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD "
            "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(cut_text("grün", 4), "g...");
  EXPECT_EQ(cut_text("grün", 5), "grün");
}

}  // namespace
}  // namespace apitoken::core
