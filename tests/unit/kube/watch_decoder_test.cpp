#include "kube/watch_decoder.hpp"

#include <gmock/gmock.h>

namespace apitoken::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string event(std::string_view type, std::string_view name) {
  return std::string(R"({"type":")")
      .append(type)
      .append(R"(","object":{"metadata":{"name":")")
      .append(name)
      .append("\"}}}\n");
}

class WatchDecoderTest : public testing::Test {
 protected:
  Status feed(std::string_view bytes) {
    return decoder_.feed(bytes, [this](const WatchEvent& seen) {
      names_.emplace_back(std::string_view(seen.object["metadata"]["name"]));
      types_.push_back(seen.type);
    });
  }

  WatchDecoder decoder_{1000};
  std::vector<std::string> names_;
  std::vector<EventType> types_;
};

TEST_F(WatchDecoderTest, KnowsEachTypeOfEvent) {
  ASSERT_TRUE(feed(event("ADDED", "a") + event("MODIFIED", "b") + event("DELETED", "c") +
                   event("BOOKMARK", "d") + event("ERROR", "e")));
  EXPECT_THAT(names_, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_THAT(types_, ElementsAre(EventType::Added, EventType::Modified, EventType::Deleted,
                                  EventType::Bookmark, EventType::Error));
  EXPECT_FALSE(decoder_.mid_line());
}

TEST_F(WatchDecoderTest, PiecesMayBeCutAnywhere) {
  const std::string all =
      event("ADDED", "a") + "\n" + event("MODIFIED", "\xc3\xa4") + "  \r\n" + event("DELETED", "c");
  for (std::size_t size = 1; size <= all.size(); ++size) {
    names_.clear();
    for (std::size_t at = 0; at < all.size(); at += size)
      ASSERT_TRUE(feed(std::string_view(all).substr(at, size)));
    EXPECT_THAT(names_, ElementsAre("a", "\xc3\xa4", "c")) << "pieces of " << size;
  }
}

TEST_F(WatchDecoderTest, ATruncatedLineIsReportedAndDroppedOnReset) {
  ASSERT_TRUE(feed(R"({"type":"ADDED","obj)"));
  EXPECT_TRUE(decoder_.mid_line());
  decoder_.reset();
  ASSERT_TRUE(feed(event("ADDED", "a")));
  EXPECT_THAT(names_, ElementsAre("a"));
}

TEST_F(WatchDecoderTest, EventsBeforeABrokenLineAreDecoded) {
  const auto fed = feed(event("ADDED", "a") + "{\"type\":\"ADDED\",]\n" + event("ADDED", "b"));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::Decode);
  EXPECT_THAT(names_, ElementsAre("a"));
}

TEST_F(WatchDecoderTest, LinesThatAreNotEventsAreRefused) {
  for (const std::string line :
       {"7", "[]", "null", "{}", R"({"type":"ADDED"})", R"({"type":1,"object":{}})",
        R"({"type":"ADDED","object":"x"})", R"({"type":"ADDED","object":null})",
        R"({"type":"RENAMED","object":{}})", "\xff\xfe",
        "{\"type\":\"ADDED\",\"object\":{\"a\":\"\xff\"}}"}) {
    WatchDecoder decoder;
    const auto fed = decoder.feed(line + "\n", [](const WatchEvent&) { FAIL(); });
    EXPECT_FALSE(fed) << line;
  }
}

TEST_F(WatchDecoderTest, AnIntegerBeyondSixtyFourBitsInvalidatesOnlyItsField) {
  WatchDecoder decoder;
  std::vector<std::pair<std::string, bool>> seen;
  const std::string big =
      R"({"type":"ADDED","object":{"metadata":{"name":"b"},"spec":{"ttl":99999999999999999999}}})"
      "\n";
  ASSERT_TRUE(
      decoder.feed(event("ADDED", "a") + big + event("ADDED", "c"), [&](const WatchEvent& event) {
        seen.emplace_back(std::string_view(event.object["metadata"]["name"]),
                          event.object["spec"]["ttl"].is_double());
      }));
  EXPECT_THAT(seen, ElementsAre(Pair("a", false), Pair("b", true), Pair("c", false)));
}

TEST_F(WatchDecoderTest, DeepNestingIsRefused) {
  WatchDecoder decoder;
  const std::string deep = R"({"type":"ADDED","object":)" + std::string(100'000, '[') + "\n";
  EXPECT_FALSE(decoder.feed(deep, [](const WatchEvent&) {}));
}

TEST_F(WatchDecoderTest, ALineOverTheLimitIsRefusedBeforeItsEnd) {
  const auto fed = feed(event("ADDED", "a") + std::string(1001, 'x'));
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error().message, HasSubstr("1000 bytes"));
  decoder_.reset();
  ASSERT_TRUE(feed(std::string(999, 'x')));
  EXPECT_FALSE(feed("xx\n"));
}

TEST_F(WatchDecoderTest, LargeLinesWorkAndSmallOnesAfterThem) {
  WatchDecoder decoder;
  int seen = 0;
  const std::string large = event("ADDED", std::string(5'000'000, 'x'));
  for (const auto& line : {event("ADDED", "a"), large, event("ADDED", "b"), large}) {
    for (std::size_t at = 0; at < line.size(); at += 16384) {
      ASSERT_TRUE(decoder.feed(std::string_view(line).substr(at, 16384),
                               [&](const WatchEvent&) { ++seen; }));
    }
  }
  EXPECT_EQ(seen, 4);
}

}  // namespace
}  // namespace apitoken::kube
