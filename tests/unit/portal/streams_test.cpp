// Streams: how many there may be, and what ends them.
#include "portal/streams.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "portal/workers.hpp"
#include "portal_viewer.hpp"

namespace apitoken::portal {
namespace {

class StreamsTest : public testing::Test {
 protected:
  StreamsTest() { streams_.start(); }
  std::shared_ptr<Viewer> viewer() {
    return std::make_shared<Viewer>(std::make_unique<Nobody>(), "tests", quiet_, clock_);
  }
  // Opens a stream that runs until it is asked to stop; null: refused.
  std::shared_ptr<serve::Stream> open(const std::shared_ptr<Viewer>& of) {
    auto reply = streams_.open(of, [this](Sending& sending) {
      ++running_;
      while (sending.pause(std::chrono::milliseconds(5))) {
      }
      --running_;
      return Next::End;
    });
    if (!reply) return nullptr;
    auto stream = std::make_shared<serve::Stream>();
    std::get<serve::Streamed>(*reply).begin(stream);
    return stream;
  }

  SystemClock clock_;
  Quiet quiet_;
  std::atomic<int> running_ = 0;
  Streams streams_{clock_};
};

TEST_F(StreamsTest, AFifthOfOneViewerIsRefusedAndOneOfAnotherIsNot) {
  const auto alice = viewer(), bob = viewer();
  std::vector<std::shared_ptr<serve::Stream>> open_ones;
  for (int i = 0; i < 4; ++i) open_ones.push_back(open(alice));
  EXPECT_FALSE(open(alice));
  EXPECT_TRUE(open(bob));
  open_ones[0]->detach();  // the page was closed
  EXPECT_TRUE(open(alice));
}

TEST_F(StreamsTest, EndWithTheSessionOfTheirViewerAlone) {
  const auto alice = viewer(), bob = viewer();
  const auto first = open(alice), second = open(bob);
  ASSERT_TRUE(kube::eventually([&] { return running_ == 2; }));
  alice->end();
  EXPECT_TRUE(kube::eventually([&] { return running_ == 1 && !first->is_open(); }));
  EXPECT_TRUE(second->is_open());
  streams_.stop();
  EXPECT_EQ(running_, 0);
  EXPECT_FALSE(second->is_open());
}

TEST_F(StreamsTest, AnUnusedReplyGivesItsPlaceBack) {
  const auto alice = viewer();
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(streams_.open(alice, [](Sending&) { return Next::End; })) << i;
}

TEST_F(StreamsTest, AfterTheStopNoneIsOpened) {
  streams_.stop();
  EXPECT_FALSE(open(viewer()));
}

TEST_F(StreamsTest, AProducerThatThrowsEndsItsStreamAlone) {
  const auto alice = viewer();
  auto reply = streams_.open(alice, [](Sending&) -> Next { throw std::runtime_error("broken"); });
  ASSERT_TRUE(reply);
  const auto stream = std::make_shared<serve::Stream>();
  std::get<serve::Streamed>(*reply).begin(stream);
  EXPECT_TRUE(kube::eventually([&] { return !stream->is_open(); }));
  EXPECT_TRUE(kube::eventually([&] { return streams_.size() == 0; }));
}

TEST_F(StreamsTest, OneThatWaitsIsCalledAgainWhenItIsWokenAndEndsWithoutAThread) {
  const auto alice = viewer();
  std::atomic<int> calls = 0;
  std::mutex mutex;
  std::function<void()> wake;
  const auto kept = std::make_shared<int>();  // goes with the producer
  auto reply = streams_.open(alice, [&, kept](Sending& sending) {
    const std::lock_guard lock(mutex);
    wake = sending.wake();
    ++calls;
    return Next::Wait;
  });
  ASSERT_TRUE(reply);
  const auto stream = std::make_shared<serve::Stream>();
  std::get<serve::Streamed>(*reply).begin(stream);
  reply = serve::HttpReply(serve::HttpAnswer{});
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(kube::eventually([&] { return calls == i; }));
    const std::lock_guard lock(mutex);
    wake();
  }
  ASSERT_TRUE(kube::eventually([&] { return calls == 4; }));
  EXPECT_TRUE(stream->is_open());
  alice->end();
  EXPECT_TRUE(kube::eventually([&] { return !stream->is_open() && streams_.size() == 0; }));
  EXPECT_TRUE(kube::eventually([&] { return kept.use_count() == 1; }));
  EXPECT_EQ(calls, 4);
  wake();  // of a stream that is gone
}

TEST(Workers, ServeAndAnswerWhatIsLeftAtTheStop) {
  Workers workers(1);
  workers.start();
  std::atomic<bool> go = false;
  std::atomic<int> answered = 0, refused = 0;
  for (int i = 0; i < 3; ++i) {
    auto reply = workers.serve([&go](std::stop_token stop) -> serve::HttpReply {
      while (!go && !stop.stop_requested()) std::this_thread::yield();
      return json_answer(200, "{}");
    });
    std::get<serve::Pending>(reply).begin(serve::Responder([&](serve::HttpReply sent) {
      ++(std::get<serve::HttpAnswer>(sent).status == 200 ? answered : refused);
    }));
  }
  workers.stop();
  EXPECT_EQ(answered + refused, 3);
  EXPECT_GE(refused, 2);
}

}  // namespace
}  // namespace apitoken::portal
