// HttpServer: answers GET on a few fixed paths, over libmicrohttpd, with one thread of its own that no slow client can
// hold. app starts one for metrics and one for probes. It reads no bodies and serves no files. (prometheus-cpp's own
// Exposer stands on civetweb, which Debian builds without IPv6, and takes two seconds to stop.)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "serve/bind_address.hpp"

struct MHD_Daemon;

namespace apitoken::serve {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
  std::vector<std::string> more{};  // what follows the body, where it is too long to be one string
};
// What answers each path; called on the server's thread. A trailing slash of a request's path does not count.
using HttpRoutes = std::map<std::string, std::function<HttpAnswer()>, std::less<>>;

class HttpServer {
 public:
  explicit HttpServer(HttpRoutes routes) : routes_(std::move(routes)) {}
  ~HttpServer() { stop(); }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens on `address`; kNoAddress: does nothing. `flag` is named in errors, which are meant for the user:
  // "--metrics-bind-address :8080: Address already in use".
  Status start(std::string_view flag, std::string_view address);
  // Where it listens, with the port really taken ("127.0.0.1:43121", ":8080"); empty: nowhere.
  const std::string& address() const { return address_; }
  std::uint16_t bound_port() const { return port_; }
  // Returns once no route is being called any more.
  void stop();

  const HttpRoutes& routes() const { return routes_; }

 private:
  const HttpRoutes routes_;
  std::string address_;
  std::uint16_t port_ = 0;
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace apitoken::serve
