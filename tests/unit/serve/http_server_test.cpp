#include "serve/http_server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "serve/http_get.hpp"
#include "serve/raw_client.hpp"
#include "serve/refusals.hpp"
#include "serve/routes.hpp"

namespace apitoken::serve {
namespace {

using test::http_request;
using testing::HasSubstr;

Routes hello() {
  return Routes({{"GET", "/hello", [](const HttpRequest&) { return plain(200, "hello\n"); }},
                 {"GET", "/broken",
                  [](const HttpRequest&) -> HttpReply { throw std::runtime_error("no luck"); }}});
}

TEST(HttpServer, AnswersOnAFreePortAndReportsIt) {
  HttpServer server({}, hello());
  ASSERT_TRUE(server.start("--flag", "127.0.0.1:0"));
  EXPECT_NE(server.bound_port(), 0);
  EXPECT_EQ(server.address(), "127.0.0.1:" + std::to_string(server.bound_port()));
  const auto reply = http_request("http://" + server.address() + "/hello");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello\n");
  EXPECT_EQ(reply.content_type, "text/plain; charset=utf-8");
}

TEST(HttpServer, AnEmptyHostMeansIPv4AndIPv6) {
  HttpServer server({}, hello());
  ASSERT_TRUE(server.start("--flag", ":0"));
  const auto port = std::to_string(server.bound_port());
  EXPECT_EQ(http_request("http://127.0.0.1:" + port + "/hello").status, 200);
  const int probe = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  const bool has_ipv6 =
      probe >= 0 && bind(probe, reinterpret_cast<sockaddr*>(&loopback), sizeof loopback) == 0;
  if (probe >= 0) close(probe);
  EXPECT_EQ(http_request("http://[::1]:" + port + "/hello").status, has_ipv6 ? 200 : 0);
}

TEST(HttpServer, ZeroMeansNoServer) {
  HttpServer server({}, hello());
  ASSERT_TRUE(server.start("--flag", "0"));
  EXPECT_EQ(server.address(), "");
}

TEST(HttpServer, ATakenPortIsNamedWithItsFlag) {
  HttpServer first({}, hello());
  ASSERT_TRUE(first.start("--flag", "127.0.0.1:0"));
  HttpServer second({}, hello());
  const auto started = second.start("--metrics-bind-address", first.address());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message,
            "--metrics-bind-address " + first.address() + ": Address already in use");
  HttpServer everywhere({}, hello());
  EXPECT_FALSE(everywhere.start("--flag", ":" + std::to_string(first.bound_port())));
}

TEST(HttpServer, AnAddressThatIsNotOursOrNoAddressIsAnError) {
  HttpServer server({}, hello());
  const auto foreign = server.start("--flag", "192.0.2.1:8080");
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().message,
              HasSubstr("--flag 192.0.2.1:8080: Cannot assign requested address"));
  const auto nonsense = server.start("--flag", "8080");
  ASSERT_FALSE(nonsense);
  EXPECT_THAT(nonsense.error().message, HasSubstr("--flag: \"8080\" is no address"));
}

TEST(HttpServer, OtherPathsAndMethodsAreRefused) {
  HttpServer server({}, hello());
  ASSERT_TRUE(server.start("--flag", "127.0.0.1:0"));
  const auto base = "http://" + server.address();
  EXPECT_EQ(http_request(base + "/").status, 404);
  EXPECT_EQ(http_request(base + "/../etc/passwd").status, 404);
  EXPECT_EQ(http_request(base + "/hello/").status, 200);
  EXPECT_EQ(http_request(base + "/hello?verbose=1").status, 200);
  EXPECT_EQ(http_request(base + "/hello", "POST", "a body that nobody reads").status, 405);
  EXPECT_EQ(http_request(base + "/hello", "DELETE").status, 405);
  const auto head = http_request(base + "/hello", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST(HttpServer, AThrowingRouteIsAnAnswerAndNoCrash) {
  HttpServer server({}, hello());
  ASSERT_TRUE(server.start("--flag", "127.0.0.1:0"));
  EXPECT_EQ(http_request("http://" + server.address() + "/broken").status, 500);
  EXPECT_EQ(http_request("http://" + server.address() + "/hello").status, 200);
}

TEST(HttpServer, SilentClientsDelayNeitherOthersNorTheStop) {
  HttpServer server({}, hello());
  ASSERT_TRUE(server.start("--flag", "127.0.0.1:0"));
  std::vector<test::RawClient> silent;
  for (int i = 0; i < 8; ++i) {
    silent.emplace_back(server.bound_port());
    ASSERT_TRUE(silent.back().send("GET /he"));
  }
  EXPECT_EQ(http_request("http://" + server.address() + "/hello").status, 200);
  const auto before = std::chrono::steady_clock::now();
  server.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
}

TEST(HttpServer, LoopbackOnlyRefusesOtherAddresses) {
  for (const char* address : {":0", "0.0.0.0:0"}) {
    HttpServer server({.loopback_only = true}, hello());
    const auto started = server.start("--flag", address);
    ASSERT_FALSE(started) << address;
    EXPECT_THAT(started.error().message, HasSubstr("only loopback addresses"));
  }
  HttpServer server({.loopback_only = true}, hello());
  ASSERT_TRUE(server.start("--flag", "127.0.0.1:0"));
  EXPECT_EQ(http_request("http://" + server.address() + "/hello").status, 200);
}

TEST(HttpServer, ManyClientsAtOnceAllGetTheirAnswer) {
  HttpServer server({}, hello());
  ASSERT_TRUE(server.start("--flag", "127.0.0.1:0"));
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([&] {
        for (int n = 0; n < 20; ++n)
          answered += http_request("http://" + server.address() + "/hello").status == 200;
      });
    }
  }
  EXPECT_EQ(answered, 160);
}

}  // namespace
}  // namespace apitoken::serve
