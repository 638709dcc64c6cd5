// Events: encoded within the limits of the API server.
#include "api/event.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace apitoken::api {
namespace {

using namespace std::chrono_literals;

const std::chrono::system_clock::time_point kNow{1774355400s};

Event event(std::string note) {
  return {"team-a",       "ci.1",    {"apitoken.dev/v1alpha1", "ApiToken", "team-a", "ci", "u"},
          true,           "Expired", "Expire",
          std::move(note)};
}

TEST(Event, HasAllFieldsThatTheApiServerRequires) {
  const auto object =
      nlohmann::json::parse(encode_event(event("over"), kNow, std::string(200, 'i')));
  EXPECT_EQ(object["eventTime"], "2026-03-24T12:30:00.000000Z");
  EXPECT_EQ(object["type"], "Warning");
  EXPECT_EQ(object["regarding"]["namespace"], "team-a");
  EXPECT_EQ(object["reportingInstance"].get<std::string>().size(), 128u);
}

TEST(Event, NoteIsCutBetweenCharacters) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string note(shift, 'x');
    while (note.size() < 2000) note += "€";
    const auto text =
        nlohmann::json::parse(encode_event(event(note), kNow, "i"))["note"].get<std::string>();
    EXPECT_LE(text.size(), 1000u);
    EXPECT_GE(text.size(), 990u);
    EXPECT_TRUE(text.ends_with("€..."));
  }
  const std::string fits(1000, 'x');
  EXPECT_EQ(nlohmann::json::parse(encode_event(event(fits), kNow, "i"))["note"], fits);
}

TEST(Event, BrokenUtf8AndControlsStayValidJson) {
  const auto object = nlohmann::json::parse(
      encode_event(event("a\x80\xFF\r\n\x01" + std::string(1, '\0')), kNow, "i"));
  EXPECT_NE(object["note"].get<std::string>().find("\xEF\xBF\xBD"), std::string::npos);
}

TEST(Event, SeriesCountsRepeats) {
  const auto object = nlohmann::json::parse(encode_event_series(3, kNow));
  EXPECT_EQ(object["series"]["count"], 3);
  EXPECT_EQ(object["series"]["lastObservedTime"], "2026-03-24T12:30:00.000000Z");
}

}  // namespace
}  // namespace apitoken::api
