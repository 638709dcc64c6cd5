// The transport against a real TLS server that behaves well, badly or not at all.
#include "kube/cpprest_transport.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <latch>

#include "kube/tls_server.hpp"

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;
using test::Authority;
using test::Connection;
using test::Identity;
using test::Subject;
using test::TestCredentials;
using test::TlsServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr TransportLimits kSmall{
    .request = 30s, .silence = 30s, .body = 100'000, .error_body = 1'000, .unread = 65'536};
constexpr TransportLimits kQuick{.request = 300ms, .silence = 300ms};

const Authority& authority() {
  static const Authority instance;
  return instance;
}

// Answers every request of a connection in the same way.
TlsServer::Script always(int status, std::string body, std::string headers = "") {
  return [=](Connection& client) {
    while (!client.read_request().empty()) client.answer(status, body, headers);
  };
}

// Reads one request, sends `text`, and closes.
TlsServer::Script once(std::string text) {
  return [=](Connection& client) {
    client.read_request();
    client.write(text);
  };
}

TlsServer::Script silent() {
  return [](Connection& client) { client.wait_closed(); };
}

// A server, credentials that trust it, and the transport between them.
struct Wire {
  TlsServer server;
  TestCredentials credentials;
  std::unique_ptr<Transport> transport;

  explicit Wire(TlsServer::Script script, TransportLimits limits = {},
                const Identity& identity = authority().issue({}), TlsServer::Options options = {})
      : server(identity, std::move(script), std::move(options)),
        credentials(server.url(), authority().certificate()),
        transport(make_cpprest_transport(credentials, "test/1", limits)) {}

  Result<HttpResponse> get(std::stop_token stop = {}) {
    return transport->send({.target = "/api"}, stop);
  }
  Result<HttpResponse> stream(const std::function<bool(std::string_view)>& receive,
                              std::stop_token stop = {}) {
    return transport->stream({.target = "/api?watch=1"}, stop, receive);
  }
};

std::string failure(const Result<HttpResponse>& result, ErrorKind kind = ErrorKind::Unavailable) {
  if (result) return "it succeeded";
  EXPECT_EQ(to_string(result.error().kind), std::string(to_string(kind)));
  return result.error().message;
}

// --- verification of the server ---

TEST(CpprestTransportTls, AcceptsAServerNamedByItsIpAddress) {
  std::string announced = "?";
  Wire wire([&](Connection& client) {
    announced = client.announced_name();
    always(200, "fine")(client);
  });
  const auto answer = wire.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "fine");
  EXPECT_EQ(announced, "") << "an IP address is not sent as server name";
}

TEST(CpprestTransportTls, AcceptsAServerNamedByTheKubeconfigAndAnnouncesThatName) {
  std::string announced;
  Wire wire(
      [&](Connection& client) {
        announced = client.announced_name();
        always(200, "fine")(client);
      },
      {}, authority().issue({.alternative_names = "DNS:kube.example"}));
  wire.credentials.server_name = "kube.example";
  const auto answer = wire.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(announced, "kube.example");
}

TEST(CpprestTransportTls, RefusesAnotherAuthority) {
  const Authority other("test CA");
  Wire wire(always(200, ""), {}, other.issue({}));
  EXPECT_THAT(failure(wire.get()), AllOf(HasSubstr(wire.server.url()), HasSubstr("TLS handshake"),
                                         HasSubstr("certificate")));
}

TEST(CpprestTransportTls, RefusesAnotherAddress) {
  Wire wire(always(200, ""), {},
            authority().issue({.alternative_names = "IP:127.0.0.2,DNS:127.0.0.1"}));
  EXPECT_THAT(failure(wire.get()), HasSubstr("IP address mismatch"));
}

TEST(CpprestTransportTls, RefusesAnotherName) {
  Wire wire(always(200, ""), {}, authority().issue({.alternative_names = "DNS:kube.example"}));
  wire.credentials.server_name = "kube.other";
  EXPECT_THAT(failure(wire.get()), HasSubstr("ostname mismatch"));
}

TEST(CpprestTransportTls, RefusesANameThatIsOnlyInTheSubject) {
  Wire wire(always(200, ""), {},
            authority().issue({.common_name = "kube.example", .alternative_names = ""}));
  wire.credentials.server_name = "kube.example";
  EXPECT_THAT(failure(wire.get()), HasSubstr("ostname mismatch"));
}

TEST(CpprestTransportTls, RefusesAnExpiredCertificate) {
  Wire wire(always(200, ""), {}, authority().issue({.valid_until = -60}));
  EXPECT_THAT(failure(wire.get()), HasSubstr("expired"));
}

TEST(CpprestTransportTls, RefusesOldVersionsOfTls) {
  Wire wire(always(200, ""), {}, authority().issue({}), {.max_version = TLS1_1_VERSION});
  EXPECT_THAT(failure(wire.get()), HasSubstr("TLS handshake"));
}

TEST(CpprestTransportTls, VerifiesNothingIfTheKubeconfigSaysInsecure) {
  Wire wire(always(200, "fine"), {},
            Authority("unknown").issue({.alternative_names = "", .valid_until = -60}));
  wire.credentials.insecure = true;
  const auto answer = wire.get();
  ASSERT_TRUE(answer) << answer.error().message;
}

TEST(CpprestTransportTls, ShowsItsClientCertificate) {
  std::string name;
  Wire wire(
      [&](Connection& client) {
        name = client.client_name();
        always(200, "")(client);
      },
      {}, authority().issue({}), {.client_ca = authority().certificate()});
  wire.credentials.client = authority().issue({.common_name = "operator"});
  const auto answer = wire.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(name, "operator");
}

TEST(CpprestTransportTls, SaysThatTheServerWantsAClientCertificate) {
  Wire wire(always(200, ""), {}, authority().issue({}), {.client_ca = authority().certificate()});
  // TLS 1.3 tells it after the handshake: the alert comes before or after the request meets a
  // closed connection.
  EXPECT_THAT(failure(wire.get()), testing::AnyOf(HasSubstr("certificate required"),
                                                  HasSubstr("refuse a client certificate")));
}

TEST(CpprestTransportTls, NamesThePartOfTheCredentialsThatCannotBeUsed) {
  Wire wire(always(200, ""));
  wire.credentials.client = {authority().issue({}).certificate, authority().issue({}).key};
  EXPECT_THAT(failure(wire.get(), ErrorKind::Unauthorized),
              AllOf(HasSubstr("client key"), HasSubstr("mismatch")));
}

TEST(CpprestTransportTls, SaysThatIpv6LiteralsAreNotSupported) {
  TestCredentials credentials("https://[::1]:6443", authority().certificate());
  const auto transport = make_cpprest_transport(credentials, "test/1");
  EXPECT_THAT(failure(transport->send({.target = "/"}, {}), ErrorKind::Invalid),
              AllOf(HasSubstr("IPv6"), HasSubstr("kubernetes.default.svc")));
}

// --- requests ---

TEST(CpprestTransport, SendsTheRequestAndReturnsStatusBodyAndRetryAfter) {
  std::string received;
  Wire wire([&](Connection& client) {
    received = client.read_request();
    client.answer(429, "{\"kind\":\"Status\"}", "Retry-After: 7\r\n");
    client.wait_closed();
  });
  wire.credentials.first_token = "secret-token";
  const auto answer =
      wire.transport->send({.method = Method::Patch,
                            .target = "/api/v1/namespaces/a%2Fb?fieldManager=x&q=%20",
                            .accept = "application/json;as=PartialObjectMetadata",
                            .content_type = "application/merge-patch+json",
                            .body = "{}"},
                           {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->body, "{\"kind\":\"Status\"}");
  EXPECT_EQ(answer->retry_after, Seconds(7));
  EXPECT_THAT(received, testing::StartsWith(
                            "PATCH /api/v1/namespaces/a%2Fb?fieldManager=x&q=%20 HTTP/1.1\r\n"));
  EXPECT_THAT(received, AllOf(HasSubstr("Accept:application/json;as=PartialObjectMetadata\r\n"),
                              HasSubstr("User-Agent:test/1\r\n"),
                              HasSubstr("Content-Type:application/merge-patch+json\r\n"),
                              HasSubstr("Authorization:Bearer secret-token\r\n"),
                              testing::EndsWith("\r\n\r\n{}")));
}

TEST(CpprestTransport, SendsALoginIfThereIsNoToken) {
  std::string received;
  Wire wire([&](Connection& client) {
    received = client.read_request();
    client.answer(200, "");
  });
  wire.credentials.login = "al:s3cret";
  ASSERT_TRUE(wire.get());
  EXPECT_THAT(received, HasSubstr("Authorization:Basic YWw6czNjcmV0\r\n"));
}

// As client-go sends them: one line for each value.
TEST(CpprestTransport, SaysAsWhomItActs) {
  std::string received;
  Wire wire([&](Connection& client) {
    received = client.read_request();
    client.answer(200, "");
  });
  wire.credentials.act_as({.user = "jane",
                           .uid = "7",
                           .groups = {"dev, ops", "qa", "de"},
                           .extra = {{"acme.com/Project", "p"}, {"scope", "a"}, {"scope", "b"}}});
  ASSERT_TRUE(wire.get());
  EXPECT_THAT(
      received,
      AllOf(HasSubstr("\r\nImpersonate-User:jane\r\n"), HasSubstr("\r\nImpersonate-Uid:7\r\n"),
            HasSubstr("\r\nImpersonate-Group:dev, ops\r\nImpersonate-Group: qa\r\n"
                      "Impersonate-Group: de\r\n"),
            HasSubstr("\r\nImpersonate-Extra-acme.com%2FProject:p\r\n"),
            HasSubstr("\r\nImpersonate-Extra-scope:a\r\nImpersonate-Extra-scope: b\r\n")));
}

TEST(CpprestTransport, KeepsAPathPrefixOfTheServer) {
  std::string received;
  TlsServer server(authority().issue({}), [&](Connection& client) {
    received = client.read_request();
    client.answer(200, "");
  });
  TestCredentials credentials(server.url() + "/clusters/one", authority().certificate());
  ASSERT_TRUE(make_cpprest_transport(credentials, "test/1")->send({.target = "/api?limit=1"}, {}));
  EXPECT_THAT(received, testing::StartsWith("GET /clusters/one/api?limit=1 HTTP"));
}

TEST(CpprestTransport, SendsAndReceivesLargeBodiesByteForByte) {
  std::string body;
  for (int i = 0; i < 300'000; ++i) body += static_cast<char>(i * 7 + i / 251);
  std::string received;
  Wire wire([&](Connection& client) {
    received = client.read_request();
    client.answer(200, received.substr(received.find("\r\n\r\n") + 4));
    client.wait_closed();
  });
  const auto answer = wire.transport->send(
      {.method = Method::Post, .target = "/", .content_type = "a/b", .body = body}, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->body == body);
}

TEST(CpprestTransport, KeepsConnections) {
  Wire wire(always(200, "fine"));
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(wire.get());
  EXPECT_LE(wire.server.connections(), 2);
}

TEST(CpprestTransport, ClosesKeptConnectionsThatAreNotUsed) {
  std::latch closed(1);
  Wire wire([&](Connection& client) {
    client.read_request();
    client.answer(200, "fine");
    if (client.read_request().empty()) closed.count_down();
  });
  ASSERT_TRUE(wire.get());
  wire.transport->close_idle(Seconds(3600));
  EXPECT_FALSE(closed.try_wait());
  wire.transport->close_idle(Seconds(0));
  closed.wait();
}

TEST(CpprestTransport, SendsAgainWithItsBodyIfAKeptConnectionWasClosed) {
  std::atomic<int> dropped{0};
  Wire wire([&](Connection& client) {
    const std::string request = client.read_request();
    client.answer(200, request.substr(request.find("\r\n\r\n") + 4));
    if (client.read_request().empty()) return;  // the client had no use for it any more
    ++dropped;
    client.drop();
  });
  for (int i = 0; i < 100 && dropped < 5; ++i) {
    const auto answer = wire.transport->send(
        {.method = Method::Put, .target = "/", .content_type = "a/b", .body = "payload"}, {});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "payload");
  }
  EXPECT_GE(dropped, 5);
}

TEST(CpprestTransport, DoesNotFollowRedirects) {
  Wire wire(always(302, "", "Location: https://127.0.0.1:1/\r\n"));
  wire.credentials.first_token = "secret-token";
  const auto answer = wire.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 302);
}

TEST(CpprestTransport, NamesTheHostThatRefusesConnections) {
  const int port = TlsServer(authority().issue({}), silent()).port();
  TestCredentials credentials("https://127.0.0.1:" + std::to_string(port),
                              authority().certificate());
  const auto answer = make_cpprest_transport(credentials, "test/1")->send({.target = "/"}, {});
  EXPECT_THAT(failure(answer), AllOf(HasSubstr(credentials.server()), HasSubstr("no connection")));
}

TEST(CpprestTransport, SaysThatTheServerClosedBeforeAnswering) {
  Wire wire(once(""));
  EXPECT_THAT(failure(wire.get()), HasSubstr("before an answer"));
}

TEST(CpprestTransport, RefusesAnAnswerThatBreaksOff) {
  for (const char* text : {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
                           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    Wire wire(once(text));
    EXPECT_THAT(failure(wire.get()), HasSubstr("broke off")) << text;
  }
}

TEST(CpprestTransport, RefusesAnswersOverTheLimit) {
  const std::string large(60'000, 'x');
  Wire known(always(200, large + large), kSmall);
  EXPECT_THAT(failure(known.get()), HasSubstr("larger than 100000 bytes"));
  Wire chunked(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nea60\r\n" + large +
                    "\r\nea60\r\n" + large + "\r\n0\r\n\r\n"),
               kSmall);
  EXPECT_THAT(failure(chunked.get()), HasSubstr("larger than 100000 bytes"));
}

TEST(CpprestTransport, GivesUpOnAServerThatNeverAnswers) {
  Wire wire(silent(), kQuick);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(failure(wire.get()), HasSubstr("no answer within 300 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(CpprestTransport, GivesUpOnAServerThatDripsItsAnswer) {
  Wire wire(
      [](Connection& client) {
        client.read_request();
        client.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while (client.write("x")) std::this_thread::sleep_for(20ms);  // the drip
      },
      kQuick);
  EXPECT_THAT(failure(wire.get()), HasSubstr("within 300 ms"));
}

TEST(CpprestTransport, StopsAtOnceOnAStopRequest) {
  std::latch asked(1);
  Wire wire([&](Connection& client) {
    client.read_request();
    asked.count_down();
    client.wait_closed();
  });
  std::stop_source source;
  auto answer = std::async(std::launch::async, [&] { return wire.get(source.get_token()); });
  asked.wait();
  const auto begin = std::chrono::steady_clock::now();
  source.request_stop();
  EXPECT_THAT(failure(answer.get(), ErrorKind::Canceled), HasSubstr("canceled"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 200ms);
  EXPECT_THAT(failure(wire.get(source.get_token()), ErrorKind::Canceled), HasSubstr("canceled"));
}

TEST(CpprestTransport, SendsARenewedTokenOnceAfter401) {
  Wire wire([](Connection& client) {
    for (std::string request; !(request = client.read_request()).empty();) {
      client.answer(request.find("Bearer new") != request.npos ? 200 : 401, "");
    }
  });
  wire.credentials.first_token = "old";
  wire.credentials.second_token = "new";
  auto answer = wire.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(wire.credentials.rejected, 1);

  wire.credentials.second_token = "also old";
  answer = wire.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 401);
  EXPECT_EQ(wire.credentials.rejected, 2);
}

TEST(CpprestTransport, ReconnectsAfter401ToShowARenewedCertificate) {
  Wire wire(
      [](Connection& client) {
        while (!client.read_request().empty())
          client.answer(client.client_name() == "new" ? 200 : 401, "");
      },
      {}, authority().issue({}), {.client_ca = authority().certificate()});
  wire.credentials.client = authority().issue({.common_name = "old"});
  EXPECT_EQ(wire.get()->status, 401);
  wire.credentials.client = authority().issue({.common_name = "new"});
  EXPECT_EQ(wire.get()->status, 200);
}

TEST(CpprestTransport, ServesManyThreadsAtOnce) {
  Wire wire(always(200, "fine"));
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 25; ++k) good += wire.get().has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(good, 200);
  EXPECT_LE(wire.server.connections(), 24);
}

// --- streams ---

const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(CpprestTransportStream, PassesOnEachPieceAsItArrivesUntilTheServersEnd) {
  std::latch first(1), second(2);
  Wire wire([&](Connection& client) {
    client.read_request();
    client.write(kChunked + "4\r\none\n\r\n");
    first.wait();  // nothing more before the first was received
    client.write("4\r\ntwo\n\r\n0\r\n\r\n");
  });
  std::string all;
  const auto answer = wire.stream([&](std::string_view piece) {
    all += piece;
    if (all == "one\n") first.count_down();
    return true;
  });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(all, "one\ntwo\n");
}

TEST(CpprestTransportStream, GoesOnWhenIdleConnectionsOfRequestsAreClosed) {
  std::latch watched(1), closed(1);
  Wire wire([&](Connection& client) {
    if (client.read_request().find("watch=1") == std::string::npos) {
      client.answer(200, "fine");
      if (client.read_request().empty()) closed.count_down();
      return;
    }
    client.write(kChunked);
    watched.count_down();
    closed.wait();
    client.write("4\r\none\n\r\n0\r\n\r\n");
  });
  std::string all;
  auto streamed = std::async(std::launch::async, [&] {
    return wire.stream([&](std::string_view piece) { return all += piece, true; });
  });
  watched.wait();
  ASSERT_TRUE(wire.get());
  wire.transport->close_idle(Seconds(0));
  ASSERT_TRUE(streamed.get());
  EXPECT_EQ(all, "one\n");
}

TEST(CpprestTransportStream, ReportsABrokenConnectionAfterThePiecesBeforeIt) {
  Wire wire([](Connection& client) {
    client.read_request();
    client.write(kChunked + "4\r\none\n\r\n");
    client.drop();
  });
  std::string all;
  EXPECT_THAT(failure(wire.stream([&](std::string_view piece) {
                all += piece;
                return true;
              })),
              HasSubstr("broke off"));
  EXPECT_EQ(all, "one\n");
}

TEST(CpprestTransportStream, EndsWhenTheReceiverReturnsFalse) {
  std::latch closed(1);
  Wire wire([&](Connection& client) {
    client.read_request();
    client.write(kChunked + "4\r\none\n\r\n");
    client.wait_closed();
    closed.count_down();
  });
  const auto answer = wire.stream([](std::string_view) { return false; });
  ASSERT_TRUE(answer) << answer.error().message;
  closed.wait();
}

TEST(CpprestTransportStream, ReturnsTheBodyOfARefusal) {
  Wire wire(always(410, "too old", "Retry-After: 3\r\n"));
  const auto answer = wire.stream([](std::string_view) {
    ADD_FAILURE() << "the body of a refusal is not a piece of the stream";
    return true;
  });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 410);
  EXPECT_EQ(answer->body, "too old");
  EXPECT_EQ(answer->retry_after, Seconds(3));
}

TEST(CpprestTransportStream, RefusesAnOversizedRefusalAndAnOversizedPiece) {
  Wire refusal(always(500, std::string(2'000, 'x')), kSmall);
  EXPECT_THAT(failure(refusal.stream([](std::string_view) { return true; })),
              HasSubstr("larger than 1000 bytes"));
  Wire piece(once(kChunked + "30d40\r\n" + std::string(200'000, 'x') + "\r\n0\r\n\r\n"), kSmall);
  EXPECT_THAT(failure(piece.stream([](std::string_view) { return true; })),
              HasSubstr("larger than 100000 bytes"));
}

TEST(CpprestTransportStream, EndsAStreamOnlyAfterASilence) {
  Wire wire(
      [](Connection& client) {
        client.read_request();
        client.write(kChunked);
        for (int i = 0; i < 4; ++i) {
          std::this_thread::sleep_for(150ms);  // half of what counts as silence
          client.write("1\r\n\n\r\n");
        }
        client.wait_closed();
      },
      kQuick);
  std::size_t pieces = 0;
  const auto ended = wire.stream([&](std::string_view piece) {
    pieces += piece.size();
    return true;
  });
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->status, 200);
  EXPECT_EQ(pieces, 4u);
}

TEST(CpprestTransportStream, StopsAtOnceOnAStopRequest) {
  Wire wire([](Connection& client) {
    client.read_request();
    client.write(kChunked + "4\r\none\n\r\n");
    client.wait_closed();
  });
  std::stop_source source;
  std::latch received(1);
  auto answer = std::async(std::launch::async, [&] {
    return wire.stream(
        [&](std::string_view) {
          received.count_down();
          return true;
        },
        source.get_token());
  });
  received.wait();
  const auto begin = std::chrono::steady_clock::now();
  source.request_stop();
  EXPECT_THAT(failure(answer.get(), ErrorKind::Canceled), HasSubstr("canceled"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 200ms);
}

TEST(CpprestTransportStream, MakesTheServerWaitForASlowReceiver) {
  constexpr std::size_t kTotal = 64 << 20;
  constexpr std::size_t kPiece = 16'384;
  std::atomic<std::size_t> written{0};
  Wire wire(
      [&](Connection& client) {
        client.read_request();
        client.write(kChunked);
        const std::string chunk = "4000\r\n" + std::string(kPiece, 'x') + "\r\n";
        while (written < kTotal && client.write(chunk)) written += kPiece;
        client.write("0\r\n\r\n");
      },
      {.unread = 65'536});
  std::size_t received = 0;
  const auto answer = wire.stream([&](std::string_view piece) {
    if (received == 0) {  // until the server has not got rid of anything for a while
      for (std::size_t before = ~0uz; before != written;) {
        before = written;
        std::this_thread::sleep_for(100ms);
      }
      EXPECT_LT(written, kTotal / 2);
    }
    received += piece.size();
    EXPECT_LE(piece.size(), 65'536 + kPiece);
    return true;
  });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(received, kTotal);
}

}  // namespace
}  // namespace apitoken::kube
