// The steps through a proxy. What the proxy sends is read with a limit and believed only where it
// follows the protocol; no byte of it gets into a message but a number.
#include "kube/proxy_tunnel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "base/base64.hpp"
#include "kube/tls_context.hpp"

namespace apitoken::kube {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::string_literals;

constexpr std::size_t kMaxHead = 16 << 10;  // bytes of a CONNECT, and of an answer to it
constexpr std::size_t kPiece = 16 << 10;    // bytes on their way in one direction
constexpr std::size_t kMaxSocksName = 255;  // bytes of a host name in SOCKS5
constexpr std::size_t kStatusLine = sizeof "HTTP/1.1 200" - 1;
constexpr std::string_view kAuthorization = "Proxy-Authorization: Basic ";
constexpr std::array kSocksRefusals = {"it failed",
                                       "its rules forbid it",
                                       "the network is unreachable",
                                       "the host is unreachable",
                                       "the connection was refused",
                                       "the way is too long",
                                       "it cannot connect",
                                       "it cannot use such an address"};

// The reasons of the newest refusals. The library hands on nothing of a refusal but its status, so
// the status tells the place of the reason here. Many more places than connections fail between
// an answer and its reading.
struct Refusals {
  std::array<std::string, 256> reasons;
  std::size_t count = 0;
};
constexpr std::size_t kFirstStatus = 600;  // HTTP defines none from here on
thread_local Refusals refusals;

std::string one_byte(std::size_t value) { return std::string(1, static_cast<char>(value)); }

}  // namespace

std::string take_proxy_failure(std::string_view status) {
  std::size_t number = 0;
  std::from_chars(status.data(), status.data() + status.size(), number);
  const std::size_t place = number - kFirstStatus;  // wraps below the first
  return place < refusals.reasons.size() ? std::exchange(refusals.reasons[place], {})
                                         : "the relay to the proxy gave no reason";
}

SecretString basic_login(std::string_view user, const SecretString& password) {
  const SecretString login(fmt::format("{}:{}", user, password.reveal()));
  return SecretString(base64_encode(login.reveal()));
}

ProxyTunnel::ProxyTunnel(asio::io_context& io, std::shared_ptr<const ProxyWay> way,
                         tcp::socket client)
    : way_(std::move(way)),
      client_(std::move(client)),
      proxy_(io),
      resolver_(io),
      deadline_(io, way_->time_limit) {}

void ProxyTunnel::start() {
  deadline_.async_wait([self = shared_from_this()](error_code error) {
    if (error || self->established_) return;
    if (!self->ours_) return self->close();
    self->fail_for_address(
        fmt::format("no whole answer from the proxy within {} ms", self->way_->time_limit.count()));
  });
  const auto came = [self = shared_from_this()](error_code error, std::size_t) {
    // The library is the only client, so its spelling of the header is the only one.
    const std::string_view head(self->in_);
    const auto begin = std::min(head.find(kAuthorization), head.size());
    const auto value = head.substr(std::min(begin + kAuthorization.size(), head.size()));
    self->ours_ =
        !error && !self->over_ && head.starts_with("CONNECT ") &&
        equal_constant_time(value.substr(0, value.find("\r\n")), self->way_->login.reveal());
    if (!self->ours_) return self->close();
    self->watch_client();
    self->connect();
  };
  asio::async_read_until(client_, asio::dynamic_buffer(in_, kMaxHead), "\r\n\r\n", came);
}

void ProxyTunnel::close() {
  over_ = true;
  error_code ignored;
  client_.close(ignored);
  proxy_.close(ignored);
  resolver_.cancel();
  deadline_.cancel();
}

// Refuses the library's CONNECT; take_proxy_failure() has the reason.
void ProxyTunnel::fail(std::string why) {
  if (over_) return;
  over_ = true;
  const std::size_t place = refusals.count++ % refusals.reasons.size();
  refusals.reasons[place] = std::move(why);
  error_code ignored;
  proxy_.close(ignored);
  resolver_.cancel();
  deadline_.cancel();
  back_ = fmt::format("HTTP/1.1 {} No way\r\n\r\n", kFirstStatus + place);
  asio::async_write(client_, asio::buffer(back_),
                    [self = shared_from_this()](error_code, std::size_t) { self->close(); });
}

void ProxyTunnel::fail_for_address(std::string_view why) {
  fail(fmt::format(
      "{}; check scheme, host and port: http:// is a proxy that takes CONNECT, https:// the same "
      "over TLS, socks5:// a SOCKS5 proxy",
      why));
}

void ProxyTunnel::fail_for_login(std::string_view why) {
  fail(fmt::format("{}; write {}", why, way_->proxy.address("USER:PASSWORD@")));
}

void ProxyTunnel::fail_at_server(std::string_view why) {
  fail(fmt::format("the proxy does not connect to {}:{} ({}); see its log and its rules",
                   way_->host, way_->port, why));
}

void ProxyTunnel::fail_as_foreign() {
  fail_for_address(way_->proxy.kind == Proxy::Kind::Socks5 ? "what answers is no SOCKS5 proxy"
                                                           : "what answers is no HTTP proxy");
}

// The handler of an operation with the proxy: runs `next` if it succeeded.
template <typename Next>
auto ProxyTunnel::then(Next next) {
  return [self = shared_from_this(), next](error_code error, std::size_t count) {
    if (self->over_) return;
    if (!error) return next(count);
    if (error == asio::error::not_found) return self->fail_as_foreign();  // kMaxHead is passed
    self->fail_for_address(
        fmt::format("the proxy broke off before its answer was whole ({})", error.message()));
  };
}

template <typename Use>
void ProxyTunnel::with_proxy(Use use) {
  tls_ ? use(*tls_) : use(proxy_);
}

template <typename Next>
void ProxyTunnel::write(std::string text, Next next) {
  out_ = SecretString(std::move(text));
  with_proxy([&](auto& stream) {
    asio::async_write(stream, asio::buffer(out_.reveal()), then([next](std::size_t) { next(); }));
  });
}

// Reads exactly `count` bytes.
template <typename Next>
void ProxyTunnel::read(std::size_t count, Next next) {
  in_.resize(count);
  with_proxy([&](auto& stream) {
    asio::async_read(stream, asio::buffer(in_), then([next](std::size_t) { next(); }));
  });
}

// Passes on what comes from one end to the other until one of them closes.
template <typename From, typename To>
void ProxyTunnel::pump(From& from, To& to, std::string& piece) {
  piece.resize(kPiece);
  const auto came = [this, self = shared_from_this(), &from, &to, &piece](error_code error,
                                                                          std::size_t count) {
    if (error) return close();
    asio::async_write(to, asio::buffer(piece.data(), count),
                      [this, self, &from, &to, &piece](error_code failed, std::size_t) {
                        failed ? close() : pump(from, to, piece);
                      });
  };
  from.async_read_some(asio::buffer(piece), came);
}

// Ends the way if the client leaves: until it is established, the library says nothing more.
void ProxyTunnel::watch_client() {
  client_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code) {
    if (!self->established_) self->close();
  });
}

void ProxyTunnel::connect() {
  const auto connected = [self = shared_from_this()](error_code error, const tcp::endpoint&) {
    if (self->over_) return;
    if (error)
      return self->fail_for_address(
          fmt::format("no connection to the proxy ({})", error.message()));
    error_code ignored;
    self->client_.set_option(tcp::no_delay(true), ignored);
    self->proxy_.set_option(tcp::no_delay(true), ignored);
    self->encrypt();
  };
  const auto resolved = [self = shared_from_this(), connected](
                            error_code error, const tcp::resolver::results_type& found) {
    if (self->over_) return;
    if (error)
      return self->fail_for_address(
          fmt::format("the proxy's host name cannot be resolved ({})", error.message()));
    asio::async_connect(self->proxy_, found, connected);
  };
  resolver_.async_resolve(way_->proxy.host, way_->proxy.port, tcp::resolver::numeric_service,
                          resolved);
}

void ProxyTunnel::encrypt() {
  if (way_->proxy.kind == Proxy::Kind::Socks5) return greet_socks();
  if (way_->proxy.kind == Proxy::Kind::Http) return ask_http();
  const Result<TlsMaterial> material = way_->tls();
  if (!material) return fail(material.error().message);
  context_.emplace(asio::ssl::context::tls_client);
  if (const Status usable = configure_tls(context_->native_handle(), *material); !usable)
    return fail(usable.error().message);
  tls_.emplace(proxy_, *context_);
  tls_->set_verify_mode(asio::ssl::verify_peer);
  const auto shaken = [self = shared_from_this()](error_code error) {
    const std::string refused = take_verification_failure(self->tls_->native_handle());
    if (self->over_) return;
    if (!error) return self->ask_http();
    if (refused.empty())
      return self->fail_for_address(
          fmt::format("the TLS handshake with the proxy failed ({})", error.message()));
    self->fail(
        fmt::format("the proxy's certificate was refused ({}); as with kubectl, its authority must "
                    "be among those of the API server: add it to certificate-authority",
                    refused));
  };
  tls_->async_handshake(asio::ssl::stream_base::client, shaken);
}

void ProxyTunnel::ask_http() {
  const Proxy& proxy = way_->proxy;
  std::string request =
      fmt::format("CONNECT {0}:{1} HTTP/1.1\r\nHost: {0}:{1}\r\n", way_->host, way_->port);
  if (proxy.has_login())
    request +=
        fmt::format("{}{}\r\n", kAuthorization, basic_login(proxy.user, proxy.password).reveal());
  request += "\r\n";
  write(std::move(request), [this] { read(kStatusLine, [this] { read_http_answer(); }); });
}

void ProxyTunnel::read_http_answer() {
  const std::string status = in_.substr(kStatusLine - 3);
  if (!in_.starts_with("HTTP/1.") || status.find_first_not_of("0123456789") != status.npos)
    return fail_as_foreign();
  if (status == "407")
    return fail_for_login("the proxy wants a login, or refuses the one that it got (407)");
  if (status != "200") return fail_at_server(fmt::format("status {}", status));
  const auto whole = [this](std::size_t size) {
    size == in_.size() ? establish() : fail_as_foreign();  // in TLS, a server does not speak first
  };
  with_proxy([&](auto& stream) {
    asio::async_read_until(stream, asio::dynamic_buffer(in_, kMaxHead), "\r\n\r\n", then(whole));
  });
}

void ProxyTunnel::greet_socks() {
  const bool login = way_->proxy.has_login();
  write(login ? "\x05\x02\x00\x02"s : "\x05\x01\x00"s, [this, login] {
    read(2, [this, login] {
      if (byte(0) != 5 || (byte(1) == 2 && !login)) return fail_as_foreign();
      if (byte(1) == 0) return ask_socks();
      if (byte(1) == 2) return log_in_to_socks();
      fail_for_login(login ? "the proxy takes no login by password" : "the proxy wants a login");
    });
  });
}

void ProxyTunnel::log_in_to_socks() {
  const Proxy& proxy = way_->proxy;
  write(fmt::format("\x01{}{}{}{}", one_byte(proxy.user.size()), proxy.user,
                    one_byte(proxy.password.size()), proxy.password.reveal()),
        [this] {
          read(2, [this] {
            if (byte(0) != 1) return fail_as_foreign();
            byte(1) == 0 ? ask_socks() : fail_for_login("the proxy refuses user or password");
          });
        });
}

// A name goes to the proxy as it is: the proxy resolves it.
void ProxyTunnel::ask_socks() {
  const std::string& host = way_->host;
  const auto port = std::strtoul(way_->port.c_str(), nullptr, 10);
  error_code is_name;
  const auto bytes = asio::ip::make_address_v4(host, is_name).to_bytes();
  if (is_name && host.size() > kMaxSocksName)
    return fail(fmt::format("SOCKS5 takes no host name of more than {} bytes", kMaxSocksName));
  const std::string place = is_name ? "\x03" + one_byte(host.size()) + host
                                    : "\x01" + std::string(bytes.begin(), bytes.end());
  write("\x05\x01\x00"s + place + one_byte(port >> 8) + one_byte(port & 0xff), [this] {
    read(4, [this] {
      if (byte(0) != 5) return fail_as_foreign();
      if (byte(1) == 0) return end_socks();
      const char* const why =
          byte(1) <= kSocksRefusals.size() ? kSocksRefusals[byte(1) - 1] : "unknown to SOCKS5";
      fail_at_server(fmt::format("{}, SOCKS5 code {}", why, byte(1)));
    });
  });
}

// Skips the address from which the proxy connects.
void ProxyTunnel::end_socks() {
  constexpr std::size_t kPort = 2;
  switch (byte(3)) {
    case 1:
      return read(4 + kPort, [this] { establish(); });
    case 3:
      return read(1, [this] { read(byte(0) + kPort, [this] { establish(); }); });
    case 4:
      return read(16 + kPort, [this] { establish(); });
    default:
      return fail_as_foreign();
  }
}

void ProxyTunnel::establish() {
  established_ = true;
  deadline_.cancel();
  out_ = SecretString("HTTP/1.1 200 Connection established\r\n\r\n"s);
  const auto answered = [self = shared_from_this()](error_code error, std::size_t) {
    if (error || self->over_) return self->close();
    self->with_proxy([&self](auto& stream) {
      self->pump(self->client_, stream, self->in_);
      self->pump(stream, self->client_, self->back_);
    });
  };
  asio::async_write(client_, asio::buffer(out_.reveal()), answered);
}

}  // namespace apitoken::kube
