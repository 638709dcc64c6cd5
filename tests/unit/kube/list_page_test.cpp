#include "kube/list_page.hpp"

#include <gmock/gmock.h>

namespace apitoken::kube {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ListPage, HasTheMetadataAndEachItem) {
  const auto page = split_page(
      " {\"kind\": \"List\",\n\"metadata\":{\"resourceVersion\":\"7\"}, \"n\":-1.5e3 ,\"items\": [ "
      "{\"a\":\"}\\\"]\"} ,\n[{\"b\":[]}], 3,\"x\" ]}\n");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->metadata, R"({"resourceVersion":"7"})");
  EXPECT_THAT(page->items, ElementsAre(R"({"a":"}\"]"})", R"([{"b":[]}])", "3", R"("x")"));
}

TEST(ListPage, AQuoteAfterAnEscapedBackslashEndsAString) {
  const auto page = split_page(R"({"items":[{"a":"\\"},{"b":"\\\""}]})");
  ASSERT_TRUE(page);
  EXPECT_THAT(page->items, ElementsAre(R"({"a":"\\"})", R"({"b":"\\\""})"));
}

TEST(ListPage, MayHaveNoItems) {
  for (const char* text : {"{}", R"({"items":null})", R"({"items":[]})", R"({"items": [ ] })"}) {
    const auto page = split_page(text);
    ASSERT_TRUE(page) << text;
    EXPECT_THAT(page->items, IsEmpty());
  }
}

TEST(ListPage, RefusesWhatEndsEarlyOrIsNoObject) {
  const std::string_view whole = R"({"metadata":{"a":"b\""},"items":[{"c":[1,2]},{"d":null}]})";
  ASSERT_TRUE(split_page(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(split_page(whole.substr(0, size))) << size;
  for (const char* text : {"[]", "7", "{} x", R"({"items":{}})", R"({"items":[1,]})", R"({"a" 1})",
                           R"({"items":[1 2]})", R"({1:2})", R"({"a":1,})"})
    EXPECT_FALSE(split_page(text)) << text;
}

}  // namespace
}  // namespace apitoken::kube
