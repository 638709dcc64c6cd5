// ProxyTunnel: one connection of the HTTP library on its way through a proxy: it takes the
// library's CONNECT, asks the proxy by CONNECT, CONNECT over TLS or SOCKS5 (RFC 1928, RFC 1929) and
// passes bytes on. ProxyRelay makes one for each connection. It lives on the I/O thread, and sees
// only what the proxy sees too: the library speaks TLS with the API server inside.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret_string.hpp"
#include "kube/credentials.hpp"
#include "kube/proxy.hpp"

namespace apitoken::kube {

struct ProxyWay {
  Proxy proxy;
  std::string host, port;  // of the API server, to which alone the way leads
  // What verifies a proxy over TLS; called for each connection to one.
  std::function<Result<TlsMaterial>()> tls;
  std::chrono::milliseconds time_limit;  // for the way to the server
  SecretString login{};                  // what a client must show; ProxyRelay sets it
};

class ProxyTunnel : public std::enable_shared_from_this<ProxyTunnel> {
 public:
  ProxyTunnel(boost::asio::io_context& io, std::shared_ptr<const ProxyWay> way,
              boost::asio::ip::tcp::socket client);
  // Serves the client if its Proxy-Authorization is way.login, and closes else.
  void start();
  void close();
  bool is_ours() const { return ours_; }  // the client has shown the login

 private:
  // The steps of the way. Each begins one operation and names the next step.
  void watch_client();
  void connect();
  void encrypt();
  void ask_http();
  void read_http_answer();
  void greet_socks();
  void log_in_to_socks();
  void ask_socks();
  void end_socks();
  void establish();

  void fail(std::string why);
  void fail_for_address(std::string_view why);
  void fail_for_login(std::string_view why);
  void fail_at_server(std::string_view why);
  void fail_as_foreign();

  template <typename Next>
  auto then(Next next);
  template <typename Use>
  void with_proxy(Use use);
  template <typename Next>
  void write(std::string text, Next next);
  template <typename Next>
  void read(std::size_t count, Next next);
  template <typename From, typename To>
  void pump(From& from, To& to, std::string& piece);
  std::size_t byte(std::size_t at) const { return static_cast<unsigned char>(in_[at]); }

  const std::shared_ptr<const ProxyWay> way_;
  boost::asio::ip::tcp::socket client_, proxy_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer deadline_;
  std::optional<boost::asio::ssl::context> context_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;  // over proxy_
  std::string in_;    // what was read last; once established, what goes to the proxy
  std::string back_;  // what goes to the client
  SecretString out_;  // what is being written: it may hold the proxy's password
  bool ours_ = false;
  bool established_ = false;  // the way leads to the server
  bool over_ = false;
};

// Why a tunnel of this thread refused its client with this status, as the library prints it: reason
// and remedy. Each refusal has a status of its own, so no exchange gets the reason of another.
std::string take_proxy_failure(std::string_view status);

// "user:password" in base64, as HTTP's basic authentication has it.
SecretString basic_login(std::string_view user, const SecretString& password);

}  // namespace apitoken::kube
