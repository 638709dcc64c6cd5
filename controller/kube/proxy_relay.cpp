// Listens, and begins a tunnel for each connection of the library.
#include "kube/proxy_relay.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/base64.hpp"

namespace apitoken::kube {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kPause{100};  // after a failed accept, as for want of files
constexpr std::ptrdiff_t kMaxStrangers = 128;     // connections that have not shown the password

}  // namespace

ProxyRelay::ProxyRelay(boost::asio::io_context& io, ProxyWay way, SecretString password)
    : io_(io),
      way_(std::make_shared<const ProxyWay>(std::move(way))),
      password_(std::move(password)),
      acceptor_(io),
      pause_(io) {}

Result<std::shared_ptr<ProxyRelay>> ProxyRelay::open(boost::asio::io_context& io, ProxyWay way) {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(ErrorKind::Unavailable, "OpenSSL has no random bytes for the relay to the proxy");
  SecretString password(
      base64url_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  way.login = basic_login(kUser, password);
  auto relay = std::make_shared<ProxyRelay>(io, std::move(way), std::move(password));
  TRY(relay->listen());
  boost::asio::post(io, [relay] { relay->accept(); });
  return relay;
}

Status ProxyRelay::listen() {
  error_code error;
  acceptor_.open(tcp::v4(), error);
  if (!error) acceptor_.bind({boost::asio::ip::address_v4::loopback(), 0}, error);
  if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (!error) return {};
  return fail(ErrorKind::Unavailable,
              fmt::format("cannot listen on 127.0.0.1, to lead to the proxy {}: {}",
                          proxy().address(), error.message()));
}

void ProxyRelay::accept() {
  acceptor_.async_accept([self = shared_from_this()](error_code error, tcp::socket client) {
    if (!self->acceptor_.is_open()) return;
    if (!error) {
      self->serve(std::move(client));
      return self->accept();
    }
    self->pause_.expires_after(kPause);
    self->pause_.async_wait([self](error_code) {
      if (self->acceptor_.is_open()) self->accept();
    });
  });
}

void ProxyRelay::serve(tcp::socket client) {
  std::erase_if(tunnels_, [](const auto& tunnel) { return tunnel.expired(); });
  const auto is_stranger = [](const auto& tunnel) { return !tunnel.lock()->is_ours(); };
  if (std::ranges::count_if(tunnels_, is_stranger) >= kMaxStrangers) {
    // The oldest goes: the library logs in at once, so that strangers cannot keep it out.
    const auto oldest = std::ranges::find_if(tunnels_, is_stranger);
    oldest->lock()->close();
    tunnels_.erase(oldest);
  }
  const auto tunnel = std::make_shared<ProxyTunnel>(io_, way_, std::move(client));
  tunnels_.push_back(tunnel);
  tunnel->start();
}

void ProxyRelay::close() {
  boost::asio::post(io_, [self = shared_from_this()] {
    error_code ignored;
    self->acceptor_.close(ignored);
    self->pause_.cancel();
    for (const auto& entry : self->tunnels_) {
      if (const auto tunnel = entry.lock()) tunnel->close();
    }
  });
}

}  // namespace apitoken::kube
