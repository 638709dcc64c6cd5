// Streams: how many there may be, and what ends them.
#include "portal/streams.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "portal/workers.hpp"

namespace apitoken::portal {
namespace {

class Nobody final : public kube::Credentials {
 public:
  const std::string& server() const override { return server_; }
  const std::string& default_namespace() const override { return namespace_; }
  Result<kube::TlsMaterial> tls() override { return kube::TlsMaterial{}; }
  Result<std::optional<SecretString>> bearer_token() override {
    return std::optional<SecretString>();
  }
  void reject() override {}

 private:
  const std::string server_ = "http://127.0.0.1:1";
  const std::string namespace_ = "default";
};

class Quiet final : public UpstreamObserver {
  void request_done(std::string_view, std::string_view) override {}
};

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
    });
    if (!reply) return nullptr;
    auto stream = std::make_shared<serve::Stream>();
    std::get<serve::Streamed>(*reply).begin(stream);
    return stream;
  }
  bool becomes(const std::function<bool()>& state) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!state()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
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
  ASSERT_TRUE(becomes([&] { return running_ == 2; }));
  alice->end();
  EXPECT_TRUE(becomes([&] { return running_ == 1 && !first->is_open(); }));
  EXPECT_TRUE(second->is_open());
  streams_.stop();
  EXPECT_EQ(running_, 0);
  EXPECT_FALSE(second->is_open());
}

TEST_F(StreamsTest, AnUnusedReplyGivesItsPlaceBack) {
  const auto alice = viewer();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(streams_.open(alice, [](Sending&) {})) << i;
}

TEST_F(StreamsTest, AfterTheStopNoneIsOpened) {
  streams_.stop();
  EXPECT_FALSE(open(viewer()));
}

TEST_F(StreamsTest, AProducerThatThrowsEndsItsStreamAlone) {
  const auto alice = viewer();
  auto reply = streams_.open(alice, [](Sending&) { throw std::runtime_error("broken"); });
  ASSERT_TRUE(reply);
  const auto stream = std::make_shared<serve::Stream>();
  std::get<serve::Streamed>(*reply).begin(stream);
  EXPECT_TRUE(becomes([&] { return !stream->is_open(); }));
  EXPECT_TRUE(becomes([&] { return streams_.size() == 0; }));
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
