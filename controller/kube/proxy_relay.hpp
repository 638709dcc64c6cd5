// ProxyRelay: an HTTP proxy on loopback that leads to the API server through the proxy of the
// configuration, of any kind, since the library behind the transport knows plain HTTP proxies
// only. The transport opens one and gives the library its address and password. All its input and
// output happens on the I/O thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>

#include "base/result.hpp"
#include "base/secret_string.hpp"
#include "kube/proxy_tunnel.hpp"

namespace apitoken::kube {

class ProxyRelay : public std::enable_shared_from_this<ProxyRelay> {
 public:
  static constexpr const char* kUser = "relay";

  // Listens on a free port. Errors: Unavailable.
  static Result<std::shared_ptr<ProxyRelay>> open(boost::asio::io_context& io, ProxyWay way);
  // Ends all connections, by the I/O thread: way.tls is not called after what the caller posts
  // next.
  void close();

  // A client logs in as kUser with this password, which no other user of this machine knows.
  int port() const { return port_; }
  const SecretString& password() const { return password_; }
  const Proxy& proxy() const { return way_->proxy; }

  ProxyRelay(boost::asio::io_context& io, ProxyWay way, SecretString password);

 private:
  Status listen();
  void accept();
  void serve(boost::asio::ip::tcp::socket client);

  boost::asio::io_context& io_;
  const std::shared_ptr<const ProxyWay> way_;
  const SecretString password_;
  int port_ = 0;
  // The rest belongs to the I/O thread.
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::list<std::weak_ptr<ProxyTunnel>> tunnels_;
};

}  // namespace apitoken::kube
