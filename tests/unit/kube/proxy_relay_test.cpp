// The way through real proxies of each kind to a real server, and through proxies that behave
// badly.
#include "kube/proxy_relay.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <future>
#include <list>
#include <mutex>
#include <set>
#include <thread>

#include "base/base64.hpp"
#include "kube/cpprest_transport.hpp"
#include "kube/tls_server.hpp"

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::Authority;
using test::Connection;
using test::Identity;
using test::TestCredentials;
using test::TlsServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Script = TlsServer::Script;

const Authority& authority() {
  static const Authority instance;
  return instance;
}

// --- proxies ---

// The "host:port" that clients asked a proxy for.
class Targets {
 public:
  void add(std::string target) {
    const std::lock_guard lock(mutex_);
    all_.insert(std::move(target));
  }
  std::set<std::string> all() {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> all_;
};

// A proxy that takes CONNECT. It resolves every name to loopback.
Script connecting(Targets& targets, const std::string& login) {
  return [&targets, login](Connection& client) {
    const std::string request = client.read_request();
    const std::string target = request.substr(8, request.find(' ', 8) - 8);
    const std::string header = "Proxy-Authorization: Basic " + base64_encode(login) + "\r\n";
    if (!login.empty() && request.find(header) == request.npos)
      return (void)client.write("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    targets.add(target);
    client.write("HTTP/1.0 200 Fine\r\nX-Proxy: yes\r\n\r\n");
    client.splice(std::stoi(target.substr(target.rfind(':') + 1)));
  };
}

std::size_t number(const std::string& bytes) {
  std::size_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

std::string read_counted(Connection& client) { return client.read(number(client.read(1))); }

bool knows_login(Connection& client, const std::string& login) {
  client.write("\x05\x02"s);
  EXPECT_EQ(client.read(1), "\x01");
  const std::string user = read_counted(client);
  const bool right = user + ":" + read_counted(client) == login;
  client.write(right ? "\x01\x00"s : "\x01\x01"s);
  return right;
}

// A SOCKS5 proxy. It resolves every name to loopback, and says that it connects from `from`.
Script socks(Targets& targets, const std::string& login, const std::string& from) {
  return [&targets, login, from](Connection& client) {
    EXPECT_EQ(client.read(1), "\x05");
    const std::string methods = read_counted(client);
    if (!login.empty() && methods.find('\x02') == methods.npos)
      return (void)client.write("\x05\xff"s);
    if (login.empty() && !client.write("\x05\x00"s)) return;
    if (!login.empty() && !knows_login(client, login)) return;
    const std::string request = client.read(4);
    EXPECT_EQ(request.substr(0, 3), "\x05\x01\x00"s);
    std::string host;
    if (request.back() == 1) {
      for (const char byte : client.read(4))
        host += (host.empty() ? "" : ".") + std::to_string(static_cast<unsigned char>(byte));
    } else {
      EXPECT_EQ(request.back(), 3);
      host = read_counted(client);
    }
    const auto port = number(client.read(2));
    targets.add(host + ":" + std::to_string(port));
    client.write("\x05\x00\x00"s + from + "\x12\x34");
    client.splice(static_cast<int>(port));
  };
}

const std::string kFromIpv4 = "\x01\x7f\x00\x00\x01"s;
const std::string kFromName = "\x03\x05proxy"s;
const std::string kFromIpv6 = "\x04"s + std::string(16, '\x01');

// --- the way: a server for kube.example, a proxy, and the transport ---

struct Way {
  TlsServer server;
  TlsServer proxy;
  TestCredentials credentials;
  std::unique_ptr<Transport> transport;

  // `login` goes before the proxy's host; `host` is the server's.
  Way(const std::string& scheme, Script script, const std::string& login = "",
      const std::string& host = "kube.example", const Identity& identity = authority().issue({}),
      TransportLimits limits = {})
      : server(authority().issue({.alternative_names = "DNS:kube.example,IP:127.0.0.1"}),
               [](Connection& client) {
                 for (std::string request; !(request = client.read_request()).empty();)
                   client.answer(200, request.substr(request.find("\r\n\r\n") + 4));
               }),
        proxy(identity, std::move(script), {.plain = scheme != "https"}),
        credentials(server.url(host), authority().certificate()) {
    credentials.server_name = host;
    credentials.proxy_url = fmt::format("{}://{}127.0.0.1:{}", scheme, login, proxy.port());
    transport = make_cpprest_transport(credentials, "test/1", limits);
  }
  Result<HttpResponse> post(const std::string& body) {
    return transport->send({.method = Method::Post, .target = "/api", .body = body}, {});
  }
  std::string failure() {
    const auto answer = post("x");
    return answer ? "it succeeded" : answer.error().message;
  }
};

struct Kind {
  const char* scheme;
  std::function<Script(Targets&, const std::string&)> script;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"http", connecting},
      {"https", connecting},
      {"socks5", [](auto& targets, auto& login) { return socks(targets, login, kFromIpv4); }},
      {"socks5h", [](auto& targets, auto& login) { return socks(targets, login, kFromName); }},
      {"socks5", [](auto& targets, auto& login) { return socks(targets, login, kFromIpv6); }}};
  return all;
}

TEST(ProxyRelay, LeadsThroughEachKindOfProxyWhichResolvesTheServersName) {
  const std::string large(3 << 20, 'x');
  for (const Kind& kind : kinds()) {
    for (const std::string login : {"", "al:p@ss/word"}) {
      Targets targets;
      Way way(kind.scheme, kind.script(targets, login), login.empty() ? "" : "al:p%40ss%2Fword@");
      for (const std::string& body : {"small"s, large, "s"s, "m"s, "l"s}) {
        const auto answer = way.post(body);
        ASSERT_TRUE(answer) << kind.scheme << ": " << answer.error().message;
        EXPECT_TRUE(answer->body == body) << kind.scheme;
      }
      EXPECT_THAT(targets.all(),
                  testing::ElementsAre(fmt::format("kube.example:{}", way.server.port())));
      EXPECT_LE(way.server.connections(), 2) << "connections are kept";
    }
  }
}

TEST(ProxyRelay, GivesSocksAnAddressAsAnAddress) {
  Targets targets;
  Way way("socks5", socks(targets, "", kFromIpv4), "", "127.0.0.1");
  EXPECT_TRUE(way.post("x"));
  EXPECT_THAT(targets.all(), testing::ElementsAre(fmt::format("127.0.0.1:{}", way.server.port())));
}

TEST(ProxyRelay, ServesManyConnectionsAtOnce) {
  Targets targets;
  Way way("socks5", socks(targets, "", kFromIpv4), "");
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 16; ++i) {
      callers.emplace_back([&, body = std::string(100'000, static_cast<char>('a' + i))] {
        for (int round = 0; round < 5; ++round) {
          const auto answer = way.post(body);
          if (answer && answer->body == body) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 16 * 5);
}

// --- proxies that behave badly ---

Script saying(std::string text, std::size_t after = 1) {
  return [=](Connection& client) {
    client.read(after);
    client.write(text);
    client.wait_closed();
  };
}

struct Fault {
  const char* scheme;
  Script script;
  std::vector<std::string> words;
};

TEST(ProxyRelay, NamesTheProxyTheReasonAndTheRemedy) {
  Targets targets;
  const auto closes = [](Connection& client) { client.read(3); };
  const auto floods = [](Connection& client) {
    while (client.write(std::string(16384, 'x'))) {
    }
  };
  const auto head_without_end = [](Connection& client) {
    client.write("HTTP/1.1 200 OK\r\n");
    while (client.write(std::string(16384, 'x'))) {
    }
  };
  const std::vector<Fault> faults = {
      {"http", connecting(targets, "al:right"), {"407", "write http://USER:PASSWORD@127.0.0.1:"}},
      {"https", connecting(targets, "al:right"), {"407", "write https://USER:PASSWORD@127.0.0.1:"}},
      {"http", saying("HTTP/1.1 403 No\r\n\r\n"), {"kube.example:", "status 403", "rules"}},
      {"http", saying("SSH-2.0-OpenSSH_9.2\r\n"), {"no HTTP proxy", "check scheme"}},
      {"http", saying("HTTP/1.1 2x0 OK\r\n\r\n"), {"no HTTP proxy", "check scheme"}},
      {"http", saying("HTTP/1.1 200 OK\r\n\r\nearly"), {"no HTTP proxy", "check scheme"}},
      {"http", closes, {"broke off", "check scheme"}},
      {"https", closes, {"broke off", "check scheme"}},
      {"http", floods, {"no HTTP proxy", "check scheme"}},
      {"http", head_without_end, {"no HTTP proxy", "check scheme"}},
      {"http", saying("HTTP/1.1 200 OK\r\nX: y\r\n"), {"within 1500 ms", "check scheme"}},
      {"socks5", socks(targets, "al:right", kFromIpv4), {"refuses user or password", "socks5://U"}},
      {"socks5", saying("\x05\xff"s), {"takes no login by password", "socks5://USER:PASSWORD@"}},
      {"socks5", saying("HTTP/1.1 400 Bad Request\r\n\r\n"), {"no SOCKS5 proxy", "check scheme"}},
      {"socks5", floods, {"no SOCKS5 proxy", "check scheme"}},
      {"socks5", saying("\x05\x03"s), {"takes no login by password"}},
      {"socks5", saying("\x05\x02\x05\x00"s), {"no SOCKS5 proxy"}},
      {"socks5", saying("\x05\x00\x05\x02\x00\x01"s), {"rules forbid it, SOCKS5 code 2"}},
      {"socks5", saying("\x05\x00\x05\x04\x00\x01"s), {"host is unreachable, SOCKS5 code 4"}},
      {"socks5", saying("\x05\x00\x05\xfe\x00\x01"s), {"unknown to SOCKS5, SOCKS5 code 254"}},
      {"socks5", saying("\x05\x00\x05\x00\x00\x07"s), {"no SOCKS5 proxy"}},
      {"socks5", saying("\x05\x00\x04\x00\x00\x01"s), {"no SOCKS5 proxy"}},
      {"socks5", saying("\x05"s), {"within 1500 ms"}},
      {"socks5", saying("\x05\x00\x05\x00\x00\x01\x7f"s), {"within 1500 ms"}},
      {"socks5", closes, {"broke off", "check scheme"}}};
  for (const Fault& fault : faults) {
    Way way(fault.scheme, fault.script, "al:s3cret@", "kube.example", authority().issue({}),
            {.request = 3s});
    const std::string message = way.failure();
    EXPECT_THAT(message, AllOf(HasSubstr(way.server.url("kube.example")),
                               HasSubstr(fmt::format("through the proxy {}://127.0.0.1:{}: ",
                                                     fault.scheme, way.proxy.port())),
                               Not(HasSubstr("s3cret"))));
    for (const std::string& word : fault.words) EXPECT_THAT(message, HasSubstr(word));
    EXPECT_EQ(way.server.connections(), 0) << message;
  }
  EXPECT_THAT(targets.all(), testing::IsEmpty());
}

TEST(ProxyRelay, GivesEachRequestTheReasonOfItsOwnFailure) {
  struct Case {
    Case(const char* scheme, const std::string& answer, std::string words)
        : way(scheme, saying(answer)), reason(std::move(words)) {}
    Way way;
    std::string reason;
  };
  std::list<Case> cases;
  cases.emplace_back("http", "HTTP/1.1 403 No\r\n\r\n", "(status 403)");
  cases.emplace_back("http", "HTTP/1.1 503 No\r\n\r\n", "(status 503)");
  cases.emplace_back("socks5", "\x05\x00\x05\x02\x00\x01"s, "SOCKS5 code 2");
  cases.emplace_back("socks5", "\x05\x00\x05\x05\x00\x01"s, "SOCKS5 code 5");
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 16; ++i) {
      callers.emplace_back([&right, &own = *std::next(cases.begin(), i % 4)] {
        for (int round = 0; round < 20; ++round)
          right += own.way.failure().find(own.reason) != std::string::npos ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(right, 16 * 20);
}

TEST(ProxyRelay, SaysThatTheProxyWantsALogin) {
  Targets targets;
  for (const Kind& kind : kinds())
    EXPECT_THAT(Way(kind.scheme, kind.script(targets, "al:right")).failure(),
                AllOf(HasSubstr("wants a login"), HasSubstr("://USER:PASSWORD@127.0.0.1:")));
}

TEST(ProxyRelay, SaysThatTheProxyCannotBeReached) {
  for (const char* scheme : {"http", "https", "socks5"}) {
    TestCredentials credentials("https://kube.example:6443", authority().certificate());
    const auto failure = [&](const std::string& url) {
      credentials.proxy_url = url;
      const auto answer =
          make_cpprest_transport(credentials, "test/1", {})->send({.target = "/api"}, {});
      return answer ? "it succeeded" : answer.error().message;
    };
    EXPECT_THAT(failure(fmt::format("{}://127.0.0.1:9", scheme)),
                AllOf(HasSubstr(fmt::format("through the proxy {}://127.0.0.1:9", scheme)),
                      HasSubstr("no connection to the proxy (Connection refused)")));
    EXPECT_THAT(failure(fmt::format("{}://no-such-proxy.invalid:9", scheme)),
                HasSubstr("host name cannot be resolved"));
  }
}

TEST(ProxyRelay, VerifiesAProxyOverTlsAsItVerifiesTheServer) {
  Targets targets;
  const Authority other("other CA");
  EXPECT_THAT(Way("https", connecting(targets, ""), "", "kube.example", other.issue({})).failure(),
              AllOf(HasSubstr("the proxy's certificate was refused"),
                    HasSubstr("add it to certificate-authority")));
  EXPECT_THAT(Way("https", connecting(targets, ""), "", "kube.example",
                  authority().issue({.alternative_names = "DNS:kube.example"}))
                  .failure(),
              HasSubstr("the proxy's certificate was refused (IP address mismatch)"));
  EXPECT_THAT(targets.all(), testing::IsEmpty());

  // tls-server-name is the name of both, as with Go.
  Way named("https", connecting(targets, ""), "", "127.0.0.1",
            authority().issue({.alternative_names = "DNS:kube.example"}));
  named.credentials.server_name = "kube.example";
  EXPECT_EQ(named.failure(), "it succeeded");

  Way insecure("https", connecting(targets, ""), "", "kube.example", other.issue({}));
  insecure.credentials.insecure = true;
  EXPECT_EQ(insecure.failure(), "it succeeded");
}

TEST(ProxyRelay, SaysThatThePortSpeaksNoTls) {
  Way way("http", saying("HTTP/1.1 400 Bad Request\r\n\r\n"));
  way.credentials.proxy_url = fmt::format("https://127.0.0.1:{}", way.proxy.port());
  way.transport = make_cpprest_transport(way.credentials, "test/1", {});
  EXPECT_THAT(way.failure(),
              AllOf(HasSubstr("TLS handshake with the proxy failed"), HasSubstr("check scheme")));
}

TEST(ProxyRelay, ReportsAServerThatIsNotTheOneOfTheCertificate) {
  Targets targets;
  Way way("socks5", socks(targets, "", kFromIpv4), "", "other.example");
  EXPECT_THAT(way.failure(), AllOf(HasSubstr("the server's certificate was refused"),
                                   HasSubstr("through the proxy socks5://")));
}

// --- the relay alone ---

// A plain client of a port on loopback.
class Client {
 public:
  explicit Client(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  void write(const std::string& text) {
    (void)send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  // What came; "closed" at the end, "silent" after the limit.
  std::string read() {
    std::string piece(4096, '\0');
    const ssize_t got = recv(socket_, piece.data(), piece.size(), 0);
    if (got <= 0) return got == 0 || errno == ECONNRESET ? "closed" : "silent";
    return piece.substr(0, static_cast<std::size_t>(got));
  }

 private:
  int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

std::string connect_request(const std::string& login) {
  return fmt::format(
      "CONNECT kube.example:6443 HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic {}\r\n\r\n",
      login);
}

class RelayAlone : public testing::Test {
 protected:
  void open(std::chrono::milliseconds time_limit) { open(time_limit, proxy_.port()); }
  void open(std::chrono::milliseconds time_limit, int proxy_port) {
    auto proxy = parse_proxy(fmt::format("socks5://127.0.0.1:{}", proxy_port), "test");
    auto opened = ProxyRelay::open(io_, {.proxy = std::move(*proxy),
                                         .host = "kube.example",
                                         .port = std::to_string(echo_.port()),
                                         .tls = {},
                                         .time_limit = time_limit});
    ASSERT_TRUE(opened);
    relay_ = *opened;
  }
  ~RelayAlone() override {
    relay_->close();
    work_.reset();
    running_.join();
  }
  std::string right_login() const {
    return std::string(basic_login(ProxyRelay::kUser, relay_->password()).reveal());
  }

  Targets targets_;
  std::atomic<bool> echo_told_{false};
  std::promise<void> echo_end_;
  std::future<void> echo_ended_ = echo_end_.get_future();
  TlsServer echo_{{},
                  [this](Connection& client) {
                    for (std::string byte; !(byte = client.read(1)).empty();) client.write(byte);
                    if (!echo_told_.exchange(true)) echo_end_.set_value();
                  },
                  {.plain = true}};
  TlsServer proxy_{{}, socks(targets_, "", kFromIpv4), {.plain = true}};
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::jthread running_{[this] { io_.run(); }};
  std::shared_ptr<ProxyRelay> relay_;
};

TEST_F(RelayAlone, ServesNobodyWithoutItsPassword) {
  open(500ms);
  const std::string right = right_login();
  for (const std::string& request :
       {connect_request(base64_encode("relay:")), connect_request(right + "x"),
        connect_request(right.substr(1)), "CONNECT kube.example:6443 HTTP/1.1\r\n\r\n"s,
        "GET http://kube.example/ HTTP/1.1\r\nProxy-Authorization: Basic " + right + "\r\n\r\n",
        std::string(100'000, 'x')}) {
    Client stranger(relay_->port());
    stranger.write(request);
    EXPECT_EQ(stranger.read(), "closed") << request.substr(0, 200);
  }
  Client silent(relay_->port());
  EXPECT_EQ(silent.read(), "closed") << "after the time limit";
  EXPECT_EQ(proxy_.connections(), 0);
}

TEST_F(RelayAlone, HoldsFewConnectionsWithoutThePasswordAndServesBesideThem) {
  open(10min);
  std::list<Client> strangers;
  for (int i = 0; i < 138; ++i) strangers.emplace_back(relay_->port());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(strangers.front().read(), "closed") << "the oldest";
    strangers.pop_front();
  }
  Client ours(relay_->port());
  ours.write(connect_request(right_login()));
  EXPECT_THAT(ours.read(), HasSubstr(" 200 "));
}

TEST_F(RelayAlone, LeadsToItsOwnServerAlone) {
  open(1min);
  Client ours(relay_->port());
  ours.write(connect_request(right_login()));
  EXPECT_THAT(ours.read(), HasSubstr(" 200 "));
  EXPECT_THAT(targets_.all(), testing::ElementsAre(fmt::format("kube.example:{}", echo_.port())));
}

TEST_F(RelayAlone, EndsItsConnectionsWhenItIsClosed) {
  open(1min);
  Client standing(relay_->port());
  standing.write(connect_request(right_login()));
  EXPECT_THAT(standing.read(), HasSubstr(" 200 "));
  standing.write("x");
  EXPECT_EQ(standing.read(), "x");
  Client beginning(relay_->port());
  relay_->close();
  EXPECT_EQ(standing.read(), "closed");
  EXPECT_EQ(beginning.read(), "closed");
}

TEST_F(RelayAlone, LeavesASilentProxyWhenItsClientIsGone) {
  std::promise<void> came, left;
  TlsServer silent({},
                   [&](Connection& proxy) {
                     proxy.read(3);
                     came.set_value();
                     proxy.wait_closed();
                     left.set_value();
                   },
                   {.plain = true});
  open(2min, silent.port());
  {
    Client ours(relay_->port());
    ours.write(connect_request(right_login()));
    ASSERT_EQ(came.get_future().wait_for(60s), std::future_status::ready);
  }
  EXPECT_EQ(left.get_future().wait_for(60s), std::future_status::ready);
}

TEST_F(RelayAlone, ClosesTheWayToTheProxyWhenItsClientIsGone) {
  open(1min);
  {
    Client ours(relay_->port());
    ours.write(connect_request(right_login()));
    EXPECT_THAT(ours.read(), HasSubstr(" 200 "));
    EXPECT_EQ(echo_ended_.wait_for(0s), std::future_status::timeout);
  }
  EXPECT_EQ(echo_ended_.wait_for(60s), std::future_status::ready);
}

}  // namespace
}  // namespace apitoken::kube
