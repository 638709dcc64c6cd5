// Streams of one viewer that follow the same tokens: one watch for all, and what each of them
// hears.
#include "portal/follow.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "portal_viewer.hpp"
#include "token_server.hpp"

namespace apitoken::portal {
namespace {

using testing::HasSubstr;
using testing::Not;

// The browser's end of a stream.
class Reader {
 public:
  explicit Reader(std::shared_ptr<serve::Stream> stream) : stream_(std::move(stream)) {}
  ~Reader() { leave(); }

  const std::string& text() {
    std::array<char, 4096> block;
    for (;;) {
      const auto taken = stream_->take(block.data(), block.size());
      ended_ = ended_ || taken.ended;
      if (taken.bytes == 0) return text_;
      text_.append(block.data(), taken.bytes);
    }
  }
  bool hears(const std::string& part) {
    return kube::eventually([&] { return text().find(part) != std::string::npos; });
  }
  bool ends() {
    return kube::eventually([&] { return text(), ended_; });
  }
  std::size_t count(const std::string& part) {
    std::size_t found = 0;
    for (auto at = text().find(part); at != std::string::npos; at = text_.find(part, at + 1))
      ++found;
    return found;
  }
  // The page is closed.
  void leave() { stream_->detach(); }

 private:
  const std::shared_ptr<serve::Stream> stream_;
  std::string text_;
  bool ended_ = false;
};

class TokenFollowTest : public testing::Test {
 protected:
  TokenFollowTest() {
    server_.put("first");
    streams_.start();
  }
  // `alice` has the streams; her viewer outlives them.
  ~TokenFollowTest() override {
    server_.release_lists();
    streams_.stop();
  }

  std::shared_ptr<Viewer> viewer() {
    return std::make_shared<Viewer>(std::make_unique<Nobody>(),
                                    std::make_unique<TokenServer::Handle>(server_), "tests", quiet_,
                                    clock_);
  }
  // What GET /api/tokens does; null: refused.
  std::shared_ptr<serve::Stream> open(const std::shared_ptr<Viewer>& of, TokenScope scope = {}) {
    const auto follow = std::make_shared<TokenFollow>(of, std::move(scope));
    if (!follow->begin({})) return nullptr;
    auto reply = streams_.open(of, [follow](Sending& to) { return follow->run(to); });
    if (!reply) return nullptr;
    auto stream = std::make_shared<serve::Stream>();
    stream->attach({.suspend = [] {}, .resume = [] {}});
    std::get<serve::Streamed>(*reply).begin(stream);
    return stream;
  }

  SystemClock clock_;
  Quiet quiet_;
  TokenServer server_;
  Streams streams_{clock_};
  std::shared_ptr<Viewer> alice_ = viewer();
};

constexpr const char* kSynced = "{\"synced\":true}\n";

TEST_F(TokenFollowTest, StreamsOfOneViewerShareAWatchAndEachHearsEverything) {
  Reader one(open(alice_)), two(open(alice_));
  ASSERT_TRUE(one.hears(kSynced) && two.hears(kSynced));
  server_.put("second");
  EXPECT_TRUE(one.hears("second") && two.hears("second"));
  server_.remove("first");
  EXPECT_TRUE(one.hears(R"({"gone":["u-first"]})") && two.hears(R"({"gone":["u-first"]})"));
  EXPECT_EQ(server_.watches(), 1);
  EXPECT_EQ(server_.lists(), 2);
}

TEST_F(TokenFollowTest, ALateOneGetsTheRowsFirstAndThenTheChanges) {
  Reader early(open(alice_));
  ASSERT_TRUE(early.hears(kSynced));
  server_.put("second");
  ASSERT_TRUE(early.hears("second"));
  Reader late(open(alice_));
  ASSERT_TRUE(late.hears(kSynced));
  EXPECT_THAT(late.text().substr(0, late.text().find(kSynced)), HasSubstr("second"));
  server_.put("third");
  EXPECT_TRUE(late.hears("third") && early.hears("third"));
  EXPECT_EQ(late.count("u-second"), 1U);  // not again by the watch
  EXPECT_EQ(server_.watches(), 1);
}

TEST_F(TokenFollowTest, AChangeDuringTheListComesAfterItsRows) {
  Reader early(open(alice_));
  ASSERT_TRUE(early.hears(kSynced));
  server_.hold_lists();
  std::shared_ptr<serve::Stream> opened;
  std::thread opening([&] { opened = open(alice_); });
  ASSERT_TRUE(kube::eventually([&] { return server_.waiting_lists() == 1; }));
  server_.put("second");  // not in the list, which is made already
  ASSERT_TRUE(early.hears("second"));
  server_.release_lists();
  opening.join();
  Reader late(opened);
  ASSERT_TRUE(late.hears("second"));
  EXPECT_GT(late.text().find("second"), late.text().find(kSynced));
  EXPECT_LT(late.text().find("u-first"), late.text().find(kSynced));
}

TEST_F(TokenFollowTest, ThoseThatOpenAtOnceWaitForTheFirst) {
  server_.hold_lists();
  std::array<std::shared_ptr<serve::Stream>, 3> opened;
  std::vector<std::jthread> opening;
  for (auto& stream : opened) opening.emplace_back([&] { stream = open(alice_); });
  ASSERT_TRUE(kube::eventually([&] { return server_.waiting_lists() == 1; }));
  server_.put("second");
  server_.release_lists();
  opening.clear();
  for (const auto& stream : opened) EXPECT_TRUE(Reader(stream).hears("second"));
  EXPECT_EQ(server_.watches(), 1);
}

TEST_F(TokenFollowTest, AnotherViewerOrAnotherQuestionHasItsOwn) {
  const auto bob = viewer();
  Reader one(open(alice_)), other_viewer(open(bob)), other_user(open(alice_, {{}, "bob", {}})),
      other_namespace(open(alice_, {{"a"}, {}, {}}));
  for (auto* reader : {&one, &other_viewer, &other_user, &other_namespace})
    ASSERT_TRUE(reader->hears(kSynced));
  EXPECT_TRUE(kube::eventually([&] { return server_.open_watches() == 4; }));
  EXPECT_EQ(alice_->watches().size(), 3U);
  EXPECT_EQ(bob->watches().size(), 1U);
}

TEST_F(TokenFollowTest, TheLastToLeaveEndsTheWatch) {
  auto one = open(alice_), two = open(alice_);
  ASSERT_TRUE(Reader(two).hears(kSynced));  // closes the second one
  server_.put("second");                    // is how it is noticed
  EXPECT_TRUE(
      kube::eventually([&] { return streams_.size() == 1 && server_.open_watches() == 1; }));
  one->detach();
  server_.put("third");
  EXPECT_TRUE(
      kube::eventually([&] { return streams_.size() == 0 && server_.open_watches() == 0; }));
  EXPECT_EQ(alice_->watches().size(), 0U);
}

TEST_F(TokenFollowTest, TheEndOfTheSessionEndsStreamsAndWatch) {
  Reader one(open(alice_)), two(open(alice_));
  ASSERT_TRUE(one.hears(kSynced) && two.hears(kSynced));
  alice_->end();
  EXPECT_TRUE(one.ends() && two.ends());
  EXPECT_TRUE(kube::eventually([&] { return server_.open_watches() == 0; }));
}

TEST_F(TokenFollowTest, AWithdrawnPermissionEndsAllOfThem) {
  Reader one(open(alice_)), two(open(alice_));
  ASSERT_TRUE(one.hears(kSynced) && two.hears(kSynced));
  server_.refuse();
  EXPECT_EQ(open(alice_), nullptr);
  for (auto* reader : {&one, &two}) {
    EXPECT_TRUE(reader->ends());
    EXPECT_EQ(reader->count("\"status\":403"), static_cast<std::size_t>(Refusals::kMax));
    EXPECT_EQ(reader->count(kSynced), 1U);
  }
  EXPECT_EQ(server_.open_watches(), 0);
}

TEST_F(TokenFollowTest, AfterABreakEachListsAgainAndTheyShareTheNextWatch) {
  Reader one(open(alice_)), two(open(alice_));
  ASSERT_TRUE(one.hears(kSynced) && two.hears(kSynced));
  ASSERT_TRUE(kube::eventually([&] { return server_.open_watches() == 1; }));
  server_.break_watches();
  for (auto* reader : {&one, &two}) {
    EXPECT_TRUE(reader->hears("\"status\":503"));
    EXPECT_TRUE(kube::eventually([&] { return reader->count(kSynced) == 2; }));
    EXPECT_EQ(reader->count("{\"restart\":true}\n"), 1U);
  }
  server_.put("second");
  EXPECT_TRUE(one.hears("second") && two.hears("second"));
  EXPECT_EQ(server_.watches(), 2);
}

TEST_F(TokenFollowTest, AWatchThatEndsAfterChangesGoesOnUnnoticed) {
  Reader reader(open(alice_));
  ASSERT_TRUE(reader.hears(kSynced));
  for (int i = 0; i < 5; ++i) {
    server_.put(fmt::format("more-{}", i));
    ASSERT_TRUE(reader.hears(fmt::format("more-{}", i)));
    server_.close_watches();
    EXPECT_TRUE(kube::eventually([&] { return server_.watches() == i + 2; }));
  }
  EXPECT_EQ(reader.count("restart"), 0U);
  EXPECT_EQ(reader.count("\"error\""), 0U);
}

TEST_F(TokenFollowTest, AWatchThatEndsAtOnceWithoutAChangeIsAFailure) {
  Reader reader(open(alice_));
  ASSERT_TRUE(reader.hears(kSynced));
  EXPECT_TRUE(kube::eventually([&] {
    if (server_.open_watches() == 1) server_.close_watches();
    return reader.count("The API server ends each watch at once.") > 0;
  }));
}

TEST_F(TokenFollowTest, ASlowOneHoldsUpNobodyAndListsAgain) {
  Reader quick(open(alice_));
  const auto slow = open(alice_);  // nobody reads it
  ASSERT_TRUE(quick.hears(kSynced));
  const std::string name(1000, 'n');
  for (int i = 0; i < 1000; ++i) {
    server_.put(fmt::format("{}-{}", name, i));  // 2,000 bytes of a row
    if (i % 100 == 99) ASSERT_TRUE(quick.hears(fmt::format("-{}\"", i)));
  }
  EXPECT_EQ(quick.count("restart"), 0U);
  Reader reader(slow);
  EXPECT_TRUE(reader.hears("{\"restart\":true}\n"));
  EXPECT_TRUE(kube::eventually([&] { return reader.count(kSynced) == 2; }));
  EXPECT_THAT(reader.text(), HasSubstr("-999\""));
  EXPECT_THAT(reader.text(), Not(HasSubstr("\"error\"")));
}

}  // namespace
}  // namespace apitoken::portal
