// HttpServer: HTTP/1.1 on one port through libmicrohttpd, with or without TLS, for everything that
// the operator serves. App starts one for probes and one for metrics, Verification one for the
// verification endpoints. Few threads serve all connections and never wait; answers that need time
// take no thread (Pending and Streamed in http_message.hpp). Limits bound the time and room of a
// peer. It knows no endpoint.
//
//   HttpServer server({.limits = kProbeLimits}, Routes({{"GET", "/healthz", healthy}}));
//   TRY(server.start("--health-probe-bind-address", ":8081"));
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "serve/http_exchange.hpp"
#include "serve/listening_socket.hpp"
#include "serve/server_certificate.hpp"

struct MHD_Daemon;

namespace apitoken::serve {

class HttpServer {
 public:
  struct Settings {
    Limits limits{};
    unsigned threads = 1;
    ServerCertificate* certificate = nullptr;  // outlives the server; null: plain HTTP
    bool loopback_only = false;  // start() refuses addresses that other machines reach
    // Of every answer, those that the server makes itself included.
    std::vector<std::pair<const char*, std::string>> headers{};
  };

  // `serve` is called on the serving threads.
  HttpServer(Settings settings, Handler serve)
      : settings_(std::move(settings)),
        exchanges_(std::move(serve), settings_.limits, settings_.headers),
        connections_(settings_.limits) {}
  ~HttpServer() { stop(); }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens on `address`; does nothing if that is kNoAddress. Errors are for the user and begin
  // with `flag`: "--metrics-bind-address :8080: Address already in use".
  Status start(std::string_view flag, std::string_view address);
  // Listens on `socket`. Errors: Unavailable; those of ServerCertificate::load().
  Status start(ListeningSocket socket);
  // The address with its actual port ("127.0.0.1:43121", ":8080"); empty if it does not listen.
  const std::string& address() const { return address_; }
  std::uint16_t bound_port() const { return port_; }
  std::size_t connections() const { return connections_.size(); }
  std::size_t accepted() const { return connections_.accepted(); }
  // Returns once no request is being served. Objects that hold Responders were stopped before.
  void stop();

 private:
  struct Peer;       // our state of a connection, which libmicrohttpd keeps
  struct Callbacks;  // libmicrohttpd calls them, on its threads

  MHD_Daemon* start_daemon(int socket);

  const Settings settings_;
  Exchanges exchanges_;
  Connections connections_;
  std::string address_;
  std::uint16_t port_ = 0;
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace apitoken::serve
