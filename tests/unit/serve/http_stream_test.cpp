// Streamed answers through a real port.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "serve/http_get.hpp"
#include "serve/http_server.hpp"
#include "serve/raw_client.hpp"
#include "serve/refusals.hpp"
#include "support/fake_transport.hpp"

namespace apitoken::serve {
namespace {

using std::chrono::milliseconds;
using test::RawClient;
using testing::HasSubstr;

constexpr std::string_view kGet = "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr milliseconds kSoon{5000};

class HttpStream : public testing::Test {
 protected:
  void start(Limits limits = {}) {
    server.emplace(
        HttpServer::Settings{.limits = limits}, [this](const HttpRequest& request) -> HttpReply {
          if (request.path != "/stream") return plain(200, "ok\n");
          return Streamed{
              {.content_type = "application/x-ndjson", .headers = {{"Cache-Control", "no-store"}}},
              [this](std::shared_ptr<Stream> given) {
                const std::lock_guard lock(mutex);
                stream = std::move(given);
              }};
        });
    ASSERT_TRUE(server->start("--flag", "127.0.0.1:0"));
  }
  std::shared_ptr<Stream> producer() {
    std::shared_ptr<Stream> begun;
    EXPECT_TRUE(kube::eventually([&] {
      const std::lock_guard lock(mutex);
      begun = stream;
      return begun != nullptr;
    }));
    return begun;
  }
  RawClient open() {
    RawClient client(server->bound_port());
    client.send(kGet);
    return client;
  }

  std::mutex mutex;
  std::shared_ptr<Stream> stream;  // guarded by mutex
  std::optional<HttpServer> server;
};

TEST_F(HttpStream, SendsEachPieceAsItIsWrittenAndThenTheEnd) {
  start();
  auto client = open();
  auto writer = producer();
  for (const std::string piece : {"first\n", "second\n", "ping\n"}) {
    EXPECT_TRUE(writer->write(piece));
    EXPECT_THAT(client.receive(piece), HasSubstr(piece));
  }
  writer->end();
  EXPECT_FALSE(writer->write("too late\n"));
  EXPECT_THAT(client.receive("0\r\n\r\n"), HasSubstr("0\r\n\r\n"));
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.receive("ok\n"), HasSubstr("200")) << "the connection stays open";
}

// A body whose rest is made while it is sent.
class HttpRest : public testing::Test {
 protected:
  static constexpr int kPieces = 1000;
  static constexpr std::size_t kPieceSize = 64 * 1024;

  HttpRest()
      : server({}, [this](const HttpRequest&) -> HttpReply {
          HttpAnswer answer{.body = "begin\n"};
          answer.rest = [this, left = kPieces]() mutable {
            if (left == 0) return std::string();
            ++made;
            return --left == 0 ? std::string("end\n") : std::string(kPieceSize, 'x');
          };
          return answer;
        }) {
    EXPECT_TRUE(server.start("--flag", "127.0.0.1:0"));
  }

  std::atomic<int> made = 0;
  HttpServer server;
};

TEST_F(HttpRest, AReaderGetsAllPiecesAndTheEnd) {
  const auto reply = test::http_request("http://" + server.address() + "/");
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body.starts_with("begin\nxxx"));
  EXPECT_TRUE(reply.body.ends_with("xxxend\n"));
  EXPECT_EQ(reply.body.size(), 6 + (kPieces - 1) * kPieceSize + 4);
  EXPECT_EQ(made, kPieces);
}

TEST_F(HttpRest, AReaderThatDoesNotReadCostsNoMoreThanTheSocketTakes) {
  std::vector<RawClient> idle;
  for (int i = 0; i < 8; ++i) {
    idle.emplace_back(server.bound_port());
    idle.back().send(kGet);
  }
  int before = -1;
  ASSERT_TRUE(kube::eventually([&] {
    const int now = made;
    if (now > 0 && std::exchange(before, now) == now) return true;
    std::this_thread::sleep_for(milliseconds(200));  // without a piece: the sockets are full
    return false;
  })) << "pieces are made for ever";
  EXPECT_LT(made, 8 * kPieces / 4);
  EXPECT_EQ(test::http_request("http://" + server.address() + "/").status, 200)
      << "others are served meanwhile";
}

TEST_F(HttpStream, OutlivesTheRequestDeadlineWithoutAPiece) {
  start({.head = milliseconds(200),
         .request = milliseconds(300),
         .idle = milliseconds(300),
         .stream_stalled = milliseconds(600)});
  auto client = open();
  auto writer = producer();
  EXPECT_FALSE(client.is_closed(milliseconds(1500)));
  EXPECT_TRUE(writer->write("still here\n"));
  EXPECT_THAT(client.receive("still here\n"), HasSubstr("still here"));
}

TEST_F(HttpStream, BreaksIfThePeerReadsNothing) {
  start({.stream_stalled = milliseconds(500)});
  auto client = open();
  auto writer = producer();
  const auto begun = std::chrono::steady_clock::now();
  // More than the sockets' buffers hold; less than the stream does.
  while (writer->write(std::string(64 * 1024, 'x')) &&
         std::chrono::steady_clock::now() - begun < milliseconds(200)) {
    std::this_thread::sleep_for(milliseconds(1));  // the producer's pace
  }
  EXPECT_TRUE(kube::eventually([&] { return !writer->is_open(); })) << "the producer learns it";
  EXPECT_TRUE(kube::eventually([&] { return server->connections() == 0; }));
}

TEST_F(HttpStream, APeerThatKeepsReadingGetsAnyNumberOfPieces) {
  start({.stream_stalled = milliseconds(2'000)});
  auto client = open();
  auto writer = producer();
  std::jthread producing([&] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_TRUE(writer->write(std::string(50'000, 'x')));
      std::this_thread::sleep_for(milliseconds(15));  // 3 s in all, longer than the stall limit
    }
    writer->end();
  });
  EXPECT_GE(client.receive("\r\n0\r\n\r\n", milliseconds(20'000)).size(), 200 * 50'000u);
}

TEST_F(HttpStream, TheProducerLearnsThatThePeerIsGone) {
  start();
  {
    auto client = open();
    producer()->write("hello\n");
    client.receive("hello\n");
  }
  EXPECT_TRUE(kube::eventually([&] { return !producer()->write("ping\n"); }));
}

TEST_F(HttpStream, EndsWhenTheServerStops) {
  start();
  auto client = open();
  auto writer = producer();
  writer->write("hello\n");
  client.receive("hello\n");
  std::jthread stopping([&] { server->stop(); });
  EXPECT_TRUE(client.is_closed(kSoon));
  stopping.join();
  EXPECT_FALSE(writer->write("anybody?\n"));
}

TEST_F(HttpStream, SilentConnectionsDoNotDisplaceIt) {
  start({.connections = 8, .connections_per_address = 4});
  auto client = open();
  auto writer = producer();
  std::vector<RawClient> flood;
  for (int i = 0; i < 20; ++i) flood.emplace_back(server->bound_port());
  EXPECT_TRUE(flood.front().is_closed(kSoon));
  EXPECT_TRUE(writer->write("still here\n"));
  EXPECT_THAT(client.receive("still here\n"), HasSubstr("still here"));
}

}  // namespace
}  // namespace apitoken::serve
