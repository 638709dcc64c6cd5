// Which connections are closed if a port has many or slow ones; with real sockets.
#include "serve/connections.hpp"

#include <gtest/gtest.h>

#include "serve/http_server.hpp"
#include "serve/raw_client.hpp"
#include "serve/refusals.hpp"
#include "support/fake_transport.hpp"

namespace apitoken::serve {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::RawClient;
using test::status_of;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr milliseconds kSoon{5000};

class ConnectionsTest : public testing::Test {
 protected:
  void start(Limits limits) {
    server.emplace(HttpServer::Settings{.limits = limits},
                   [](const HttpRequest&) -> HttpReply { return plain(200, "ok\n"); });
    ASSERT_TRUE(server->start("--flag", "127.0.0.1:0"));
  }
  RawClient connect(const char* source = "127.0.0.1") {
    return RawClient(server->bound_port(), source);
  }
  RawClient silent(const char* source = "127.0.0.1") {
    RawClient client(server->bound_port(), source);
    const auto before = ++accepted;
    EXPECT_TRUE(kube::eventually([&] { return server->accepted() >= before; }));
    return client;
  }
  // A client that has completed a request and keeps its connection.
  RawClient kept(const char* source = "127.0.0.1") {
    auto client = silent(source);
    EXPECT_EQ(ask(client), 200);
    return client;
  }
  static int ask(RawClient& client) {
    client.send(kGet);
    return status_of(client.receive("ok\n"));
  }

  std::size_t accepted = 0;
  std::optional<HttpServer> server;
};

TEST_F(ConnectionsTest, BeyondItsShareAnAddressLosesItsOldestUnfinishedConnection) {
  start({.connections = 100, .connections_per_address = 4});
  auto elsewhere = silent("127.0.0.2");
  auto good = kept();
  auto first = silent();
  auto second = silent();
  auto third = silent();
  EXPECT_FALSE(first.is_closed());
  auto fourth = silent();
  EXPECT_TRUE(first.is_closed(kSoon));
  EXPECT_FALSE(second.is_closed());
  EXPECT_FALSE(elsewhere.is_closed());
  std::vector<RawClient> flood;
  for (int i = 0; i < 40; ++i) flood.push_back(silent());
  EXPECT_TRUE(second.is_closed(kSoon));
  EXPECT_TRUE(third.is_closed(kSoon));
  EXPECT_EQ(ask(good), 200) << "a connection with a completed request stays";
  EXPECT_FALSE(elsewhere.is_closed());
  auto newcomer = connect();
  EXPECT_EQ(ask(newcomer), 200) << "a new connection gets a place";
}

TEST_F(ConnectionsTest, IdleConnectionsDoNotCrowdOutNewcomers) {
  start({.connections = 100, .connections_per_address = 8});
  std::vector<RawClient> idle;
  for (int i = 0; i < 8; ++i) idle.push_back(kept());
  EXPECT_EQ(ask(idle.front()), 200) << "it was used last";
  for (int i = 0; i < 4; ++i) {
    auto newcomer = kept();
    EXPECT_EQ(ask(newcomer), 200);
  }
  EXPECT_TRUE(idle[1].is_closed(kSoon)) << "the longest idle connection is closed";
  EXPECT_EQ(ask(idle.front()), 200);
}

TEST_F(ConnectionsTest, AFullPortClosesAConnectionOfTheAddressWithMost) {
  start({.connections = 6, .connections_per_address = 5});
  auto alone = silent("127.0.0.2");
  std::vector<RawClient> many;
  for (int i = 0; i < 5; ++i) many.push_back(silent());
  auto third = silent("127.0.0.3");
  EXPECT_TRUE(many.front().is_closed(kSoon));
  EXPECT_FALSE(alone.is_closed());
  EXPECT_EQ(ask(third), 200);
  EXPECT_EQ(ask(alone), 200);
}

TEST_F(ConnectionsTest, SilentAndSlowConnectionsEndAtTheirDeadline) {
  start({.head = milliseconds(400), .request = milliseconds(800)});
  const auto begun = steady_clock::now();
  auto mute = connect();
  auto head = connect();
  auto body = connect();
  body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  head.send("GET / HTTP/1.1\r\nX-Slow: ");
  steady_clock::time_point head_ended{};
  ASSERT_TRUE(kube::eventually([&] {
    head.send("a");
    body.send("a");
    if (head_ended == steady_clock::time_point{} && head.is_closed(milliseconds(20)))
      head_ended = steady_clock::now();
    return body.is_closed(milliseconds(20));
  }));
  EXPECT_GE(steady_clock::now() - begun, milliseconds(800));
  EXPECT_NE(head_ended, steady_clock::time_point{}) << "the head's deadline is the shorter one";
  EXPECT_TRUE(mute.is_closed());
}

TEST_F(ConnectionsTest, AKeptConnectionEndsAfterItsIdleTime) {
  start({.head = milliseconds(300), .idle = milliseconds(1000)});
  auto client = kept();
  EXPECT_FALSE(client.is_closed(milliseconds(600))) << "the head's deadline does not apply";
  EXPECT_EQ(ask(client), 200);
  EXPECT_TRUE(client.is_closed(kSoon));
}

TEST_F(ConnectionsTest, NoConnectionIsLeftBehind) {
  start({.connections_per_address = 8});
  {
    std::vector<RawClient> clients;
    for (int i = 0; i < 50; ++i) clients.push_back(i % 2 ? silent() : kept());
  }
  EXPECT_TRUE(kube::eventually([&] { return server->connections() == 0; }))
      << server->connections();
}

}  // namespace
}  // namespace apitoken::serve
