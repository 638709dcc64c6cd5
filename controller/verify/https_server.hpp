// HttpsServer: HTTP/1.1 over TLS 1.2 or newer through libmicrohttpd and GnuTLS, for the verification endpoints. app
// starts one. Requests are served on two threads of its own, which must never wait; what has to wait for the API server
// runs on two others; answers that are kept back take no thread. Connections are bounded in number, requests in size
// and time. It knows no endpoint.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "serve/listening_socket.hpp"
#include "verify/server_certificate.hpp"

struct MHD_Daemon;

namespace apitoken::verify {

// Views live until the request is answered.
struct HttpsRequest {
  std::string_view method;
  std::string_view path;
  std::string_view authorization;  // of the header
  std::string_view content_type;
  std::string_view body;
  std::vector<std::pair<std::string_view, std::string_view>> query;  // decoded
  std::string_view peer{};                                           // the IP address that it came from
  // Whether the caller showed a certificate that the client CA vouches for. Takes a while: ask only where it matters.
  std::function<bool()> certified = [] { return false; };

  // The first of that name; empty where there is none.
  std::string_view parameter(std::string_view name) const;
};

struct HttpsAnswer {
  int status = 200;
  std::string content_type{};
  std::string body{};
  std::vector<std::pair<const char*, std::string>> headers{};
};

// Work that waits for others; ends early when it is told to stop.
using WaitingWork = std::function<HttpsAnswer(std::stop_token)>;
// An answer that a change on its way may make another: asked for with each look_again(), where nothing means to wait
// on, and with `last` once it was kept back for kKeptBackFor, or where too many are already. Quick, on any thread.
using KeptBack = std::function<std::optional<HttpsAnswer>(bool last)>;
using HttpsReply = std::variant<HttpsAnswer, WaitingWork, KeptBack>;
using ServeRequest = std::function<HttpsReply(const HttpsRequest&)>;

class HttpsServer {
 public:
  static constexpr std::size_t kLargestBody = 64 * 1024;
  static constexpr std::size_t kMostWaiting = 64;  // requests that wait at a time; more get 503
  static constexpr std::size_t kMostKeptBack = 64;
  static constexpr std::chrono::milliseconds kKeptBackFor{200};
  static constexpr unsigned kMaxConnections = 512;
  // A connection on which no request was completed for so long is closed, however busy it looks.
  static constexpr std::chrono::seconds kPatience{30};

  HttpsServer(ServeRequest serve, ServerCertificate& certificate, std::chrono::seconds patience = kPatience)
      : serve_(std::move(serve)), certificate_(certificate), patience_(patience) {}
  ~HttpsServer() { stop(); }
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  // Listens on `socket`. Errors: Unavailable.
  Status start(serve::ListeningSocket socket);
  // Where it listens; empty: nowhere.
  const std::string& address() const { return address_; }
  std::uint16_t bound_port() const { return port_; }
  // Something changed that answers depend on. Any thread; quick.
  void look_again();
  // Returns once no request is being served any more.
  void stop();

 private:
  struct Peer;      // one connection
  struct Exchange;  // one request and its answer
  struct Callbacks;

  void wait_for_work(std::stop_token stop);
  bool enqueue(Exchange& exchange);
  void ask_kept_back(std::stop_token stop);
  bool settle(Exchange& exchange, bool last);
  void close_stale(std::stop_token stop);

  const ServeRequest serve_;
  ServerCertificate& certificate_;
  const std::chrono::seconds patience_;
  std::string address_;
  std::uint16_t port_ = 0;
  MHD_Daemon* daemon_ = nullptr;

  std::mutex work_mutex_;
  std::condition_variable_any work_came_;
  std::deque<Exchange*> work_;  // suspended until answered; guarded by work_mutex_
  bool stopping_ = false;       // guarded by work_mutex_

  std::condition_variable_any kept_back_came_;
  std::deque<Exchange*> kept_back_;  // suspended until answered, the oldest first; guarded by work_mutex_
  std::size_t kept_back_count_ = 0;  // with those that are being asked; guarded by work_mutex_
  bool look_again_ = false;          // guarded by work_mutex_

  std::mutex peers_mutex_;
  std::condition_variable_any peer_came_;
  std::set<Peer*> peers_;  // guarded by peers_mutex_

  std::vector<std::jthread> threads_;
};

}  // namespace apitoken::verify
