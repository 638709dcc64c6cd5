// Lists of several pages, and answers that cannot be read.
#include "portal/upstream.hpp"

#include <gmock/gmock.h>

#include "portal_viewer.hpp"
#include "support/fake_transport.hpp"

namespace apitoken::portal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class UpstreamTest : public testing::Test {
 protected:
  // The names of the objects that for_each() gave, until `last`.
  Expected<std::vector<std::string>> names(std::string_view last = "") {
    std::vector<std::string> seen;
    const auto take = [&](api::Json object) {
      seen.push_back(api::read_string(object, "name", "").value_or("?"));
      return seen.back() != last;
    };
    TRY(upstream.for_each(kube::resources::kApiTokens, "team-a", {}, kube::kJsonAccept, take));
    return seen;
  }
  void answer_two_pages() {
    transport.answer(200, R"({"metadata":{"continue":"a/b"},"items":[{"name":"1"},{"name":"2"}]})");
    transport.answer(200, R"({"metadata":{},"items":[{"name":"3"},{"name":"4"}]})");
  }

  kube::FakeTransport transport;
  Quiet observer;
  Upstream upstream{transport, observer, "apitoken-portal"};
};

TEST_F(UpstreamTest, AListIsReadPageAfterPage) {
  answer_two_pages();
  EXPECT_THAT(names().value(), ElementsAre("1", "2", "3", "4"));
  const auto requests = transport.requests();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_THAT(requests[0].target, testing::EndsWith("/namespaces/team-a/apitokens?limit=250"));
  EXPECT_THAT(requests[1].target, HasSubstr("?limit=250&continue=a%2Fb"));
}

TEST_F(UpstreamTest, NoPageIsAskedForAfterTheLastWantedObject) {
  answer_two_pages();
  EXPECT_THAT(names("1").value(), ElementsAre("1"));
  EXPECT_THAT(transport.requests(), SizeIs(1));
}

TEST_F(UpstreamTest, ARefusedOrUnreadablePageIsAProblem) {
  transport.answer(403, R"({"kind":"Status","reason":"Forbidden","message":"no"})");
  EXPECT_EQ(names().error().status, 403);
  transport.answer(200, "<html>");
  EXPECT_EQ(names().error().status, 502);
}

TEST_F(UpstreamTest, AnAnswerThatCannotBeDecodedIsAProblem) {
  EXPECT_EQ(decode_answer(R"({"metadata":{}})", api::decode_meta).error().status, 502);
  EXPECT_EQ(decode_answer("{", api::decode_meta).error().status, 502);
  const auto meta = decode_answer(R"({"metadata":{"name":"ci","uid":"u","resourceVersion":"1"}})",
                                  api::decode_meta);
  EXPECT_EQ(meta.value().name, "ci");
}

}  // namespace
}  // namespace apitoken::portal
