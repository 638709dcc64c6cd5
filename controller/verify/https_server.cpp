// libmicrohttpd's callbacks, and the threads beside its own.
#include "verify/https_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "base/thread_name.hpp"

namespace apitoken::verify {
namespace {

constexpr unsigned kServingThreads = 2;
constexpr int kWaitingThreads = 2;
constexpr std::size_t kConnectionMemory = 32 * 1024;  // headers included: larger ones are refused with 431
constexpr std::chrono::seconds kSweepEvery{1};
constexpr std::chrono::milliseconds kBetweenLooks{10};
// Modern AEAD ciphers with forward secrecy, the cheap key size first.
constexpr const char* kPriorities =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-RSA";

HttpsAnswer plain(int status, std::string text) { return {status, "text/plain; charset=utf-8", std::move(text)}; }

HttpsAnswer busy() {
  auto answer = plain(MHD_HTTP_SERVICE_UNAVAILABLE, "too much waits for the API server already; try again\n");
  answer.headers.emplace_back(MHD_HTTP_HEADER_RETRY_AFTER, "1");
  return answer;
}

std::string_view text_or_empty(const char* text) { return text == nullptr ? std::string_view() : text; }

std::string_view header(MHD_Connection* connection, const char* name) {
  return text_or_empty(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

// Whether it was sent twice: which of the two another reader of the request takes, nobody knows.
bool is_repeated(MHD_Connection* connection, const char* name) {
  struct {
    const char* name;
    int count = 0;
  } seen{name};
  MHD_get_connection_values(
      connection, MHD_HEADER_KIND,
      [](void* context, MHD_ValueKind, const char* key, const char*) {
        auto& counted = *static_cast<decltype(seen)*>(context);
        if (strcasecmp(key, counted.name) == 0) ++counted.count;
        return MHD_YES;
      },
      &seen);
  return seen.count > 1;
}

// The first header that libmicrohttpd refuses (an empty value, line breaks), or null. An answer that lacks a header may
// mean something else: a proxy that gets no X-Auth-Request-Groups forwards the client's own.
const char* add_headers(MHD_Response* response, const HttpsAnswer& answer) {
  const auto add = [response](const char* name, const std::string& value) {
    return MHD_add_response_header(response, name, value.c_str()) == MHD_YES;
  };
  if (!answer.content_type.empty() && !add(MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type)) {
    return MHD_HTTP_HEADER_CONTENT_TYPE;
  }
  const auto refused =
      std::ranges::find_if_not(answer.headers, [&](const auto& header) { return add(header.first, header.second); });
  return refused == answer.headers.end() ? nullptr : refused->first;
}

std::string address_of(const sockaddr* peer) {
  char text[INET6_ADDRSTRLEN] = "";
  if (peer->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(peer)->sin_addr, text, sizeof text);
  } else if (peer->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(peer)->sin6_addr, text, sizeof text);
  }
  return text;
}

gnutls_session_t session_of(MHD_Connection* connection) {
  const auto* known = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  return known == nullptr ? nullptr : static_cast<gnutls_session_t>(known->tls_session);
}

}  // namespace

std::string_view HttpsRequest::parameter(std::string_view name) const {
  const auto found = std::ranges::find(query, name, [](const auto& pair) { return pair.first; });
  return found == query.end() ? std::string_view() : found->second;
}

struct HttpsServer::Peer {
  HttpsServer& server;
  ServerCertificate::Material material;  // what the handshake shows
  int socket;
  std::string address;
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();  // guarded by peers_mutex_
};

struct HttpsServer::Exchange {
  ~Exchange() { wipe(body); }

  MHD_Connection* connection;
  std::string body{};
  bool too_large = false;
  HttpsRequest request{};
  WaitingWork work{};    // while suspended; or
  KeptBack kept_back{};  // the same, until then:
  std::chrono::steady_clock::time_point until{};
  std::optional<HttpsAnswer> answer{};  // set before the connection is resumed
};

// What libmicrohttpd calls, on its threads. Nothing may unwind into it.
struct HttpsServer::Callbacks {
  static void on_connection(void* server, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code);
  static int on_certificate(gnutls_session_t session, const gnutls_datum_t*, int, const gnutls_pk_algorithm_t*, int,
                            gnutls_pcert_st** chain, unsigned* length, gnutls_privkey_t* key);
  static MHD_Result on_request(void* server, MHD_Connection* connection, const char* path, const char* method,
                               const char*, const char* piece, std::size_t* size, void** context);
  static void on_completed(void* server, MHD_Connection* connection, void** context, MHD_RequestTerminationCode);
  static MHD_Result serve(HttpsServer& server, Exchange& exchange, const char* path, const char* method);
  static MHD_Result send(MHD_Connection* connection, const HttpsAnswer& answer);
  static Peer& peer_of(MHD_Connection* connection) {
    const auto* known = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return *static_cast<Peer*>(known->socket_context);
  }
};

void HttpsServer::Callbacks::on_connection(void* server, MHD_Connection* connection, void** context,
                                           MHD_ConnectionNotificationCode code) {
  auto& self = *static_cast<HttpsServer*>(server);
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    const std::unique_ptr<Peer> peer(static_cast<Peer*>(*context));
    const std::lock_guard lock(self.peers_mutex_);
    self.peers_.erase(peer.get());
    return;
  }
  const auto* socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  const auto* client = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  auto* peer = new Peer{self, self.certificate_.current(), socket->connect_fd, address_of(client->client_addr)};
  *context = peer;
  // For on_certificate. (libmicrohttpd itself uses this pointer for pre-shared keys only.)
  gnutls_session_set_ptr(session_of(connection), peer);
  // Without the names of the CAs: they are those of the first reading, and clients choose by them.
  gnutls_certificate_send_x509_rdn_sequence(session_of(connection), 1);
  const std::lock_guard lock(self.peers_mutex_);
  self.peers_.insert(peer);
  if (self.peers_.size() == 1) self.peer_came_.notify_one();
}

int HttpsServer::Callbacks::on_certificate(gnutls_session_t session, const gnutls_datum_t*, int,
                                           const gnutls_pk_algorithm_t*, int, gnutls_pcert_st** chain, unsigned* length,
                                           gnutls_privkey_t* key) {
  const auto& material = *static_cast<Peer*>(gnutls_session_get_ptr(session))->material;
  *chain = material.chain();
  *length = material.chain_length();
  *key = material.key();
  return 0;
}

// Once with the headers, then for each piece of the body, then once with nothing left; and once more after a resume.
// Source: https://www.gnu.org/software/libmicrohttpd/manual/html_node/microhttpd_002dcb.html
MHD_Result HttpsServer::Callbacks::on_request(void* server, MHD_Connection* connection, const char* path,
                                              const char* method, const char*, const char* piece, std::size_t* size,
                                              void** context) {
  auto& self = *static_cast<HttpsServer*>(server);
  if (*context == nullptr) {
    *context = new Exchange{connection};
    return MHD_YES;
  }
  auto& exchange = *static_cast<Exchange*>(*context);
  if (*size != 0) {
    exchange.too_large = exchange.too_large || exchange.body.size() + *size > kLargestBody;
    if (!exchange.too_large) exchange.body.append(piece, *size);
    *size = 0;
    return MHD_YES;
  }
  if (exchange.answer) return send(connection, *exchange.answer);
  if (exchange.too_large) {
    return send(connection,
                plain(MHD_HTTP_CONTENT_TOO_LARGE, fmt::format("the body is larger than {} bytes\n", kLargestBody)));
  }
  return serve(self, exchange, path, method);
}

MHD_Result HttpsServer::Callbacks::serve(HttpsServer& server, Exchange& exchange, const char* path,
                                         const char* method) {
  auto* connection = exchange.connection;
  if (is_repeated(connection, MHD_HTTP_HEADER_AUTHORIZATION)) {
    return send(connection, plain(MHD_HTTP_BAD_REQUEST, "send one Authorization header\n"));
  }
  HttpsRequest& request = exchange.request;
  request.method = method;
  request.path = path;
  request.peer = peer_of(connection).address;
  request.authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
  request.content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
  request.body = exchange.body;
  MHD_get_connection_values(
      connection, MHD_GET_ARGUMENT_KIND,
      [](void* query, MHD_ValueKind, const char* key, const char* value) {
        static_cast<decltype(request.query)*>(query)->emplace_back(text_or_empty(key), text_or_empty(value));
        return MHD_YES;
      },
      &request.query);
  request.certified = [connection] { return peer_of(connection).material->vouches_for_peer(session_of(connection)); };
  try {
    auto reply = server.serve_(request);
    if (const auto* answer = std::get_if<HttpsAnswer>(&reply)) return send(connection, *answer);
    if (auto* kept_back = std::get_if<KeptBack>(&reply)) {
      exchange.kept_back = std::move(*kept_back);
    } else {
      exchange.work = std::get<WaitingWork>(std::move(reply));
    }
  } catch (const std::exception& error) {
    spdlog::error("cannot answer request path={} error={}", path, error.what());
    return send(connection, plain(MHD_HTTP_INTERNAL_SERVER_ERROR, "internal error\n"));
  }
  MHD_suspend_connection(connection);  // before anybody can resume it
  if (server.enqueue(exchange)) return MHD_YES;
  if (exchange.kept_back) {
    server.settle(exchange, true);
  } else {
    exchange.answer = busy();
    MHD_resume_connection(connection);
  }
  return MHD_YES;
}

MHD_Result HttpsServer::Callbacks::send(MHD_Connection* connection, const HttpsAnswer& answer) {
  auto* response =
      MHD_create_response_from_buffer(answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  if (const char* refused = add_headers(response, answer)) {
    MHD_destroy_response(response);
    spdlog::error("cannot answer request status={} refused_header={}", answer.status, refused);
    return send(connection, plain(MHD_HTTP_INTERNAL_SERVER_ERROR, "internal error\n"));
  }
  const auto queued = MHD_queue_response(connection, static_cast<unsigned>(answer.status), response);
  MHD_destroy_response(response);
  return queued;
}

void HttpsServer::Callbacks::on_completed(void* server, MHD_Connection* connection, void** context,
                                          MHD_RequestTerminationCode) {
  delete static_cast<Exchange*>(std::exchange(*context, nullptr));
  const std::lock_guard lock(static_cast<HttpsServer*>(server)->peers_mutex_);
  peer_of(connection).since = std::chrono::steady_clock::now();
}

Status HttpsServer::start(serve::ListeningSocket socket) {
  // Makes it ask callers for certificates; TlsMaterial judges them.
  std::array<MHD_OptionItem, 2> more{{{MHD_OPTION_END, 0, nullptr}, {MHD_OPTION_END, 0, nullptr}}};
  if (const auto& ca = certificate_.client_ca(); !ca.empty()) {
    more[0] = {MHD_OPTION_HTTPS_MEM_TRUST, 0, const_cast<char*>(ca.c_str())};
  }
  daemon_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr,
                             nullptr, &Callbacks::on_request, this,                                    //
                             MHD_OPTION_LISTEN_SOCKET, socket.get(),                                   //
                             MHD_OPTION_THREAD_POOL_SIZE, kServingThreads,                             //
                             MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,                             //
                             MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(patience_.count()),  //
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,                    //
                             MHD_OPTION_HTTPS_PRIORITIES, kPriorities,                                 //
                             MHD_OPTION_HTTPS_CERT_CALLBACK, &Callbacks::on_certificate,               //
                             MHD_OPTION_NOTIFY_CONNECTION, &Callbacks::on_connection, this,            //
                             MHD_OPTION_NOTIFY_COMPLETED, &Callbacks::on_completed, this,              //
                             MHD_OPTION_ARRAY, more.data(),                                            //
                             MHD_OPTION_END);
  if (daemon_ == nullptr) {
    return fail(ErrorKind::Unavailable, fmt::format("cannot serve on {}", socket.address().text()));
  }
  socket.release();  // the daemon closes it
  address_ = socket.address().text();
  port_ = socket.address().port;
  for (int i = 0; i < kWaitingThreads; ++i) {
    threads_.emplace_back([this](std::stop_token stop) { wait_for_work(std::move(stop)); });
  }
  threads_.emplace_back([this](std::stop_token stop) { ask_kept_back(std::move(stop)); });
  threads_.emplace_back([this](std::stop_token stop) { close_stale(std::move(stop)); });
  return {};
}

bool HttpsServer::enqueue(Exchange& exchange) {
  {
    const std::lock_guard lock(work_mutex_);
    if (stopping_) return false;
    if (exchange.kept_back) {
      if (kept_back_count_ >= kMostKeptBack) return false;
      exchange.until = std::chrono::steady_clock::now() + kKeptBackFor;
      kept_back_.push_back(&exchange);
      ++kept_back_count_;
      look_again_ = true;  // for a change since it was asked
    } else {
      if (work_.size() >= kMostWaiting) return false;
      work_.push_back(&exchange);
    }
  }
  (exchange.kept_back ? kept_back_came_ : work_came_).notify_one();
  return true;
}

void HttpsServer::look_again() {
  {
    const std::lock_guard lock(work_mutex_);
    if (kept_back_count_ == 0) return;
    look_again_ = true;
  }
  kept_back_came_.notify_one();
}

void HttpsServer::ask_kept_back(std::stop_token stop) {
  name_thread("verify keeps");
  std::unique_lock lock(work_mutex_);
  while (!stop.stop_requested()) {
    const auto is_called = [this] { return look_again_; };
    if (kept_back_.empty()) {
      if (!kept_back_came_.wait(lock, stop, is_called)) return;
    } else {
      kept_back_came_.wait_until(lock, stop, kept_back_.front()->until, is_called);
    }
    look_again_ = false;
    auto asked = std::exchange(kept_back_, {});
    lock.unlock();
    const auto now = std::chrono::steady_clock::now();
    const auto settled = std::erase_if(asked, [&](Exchange* one) { return settle(*one, now >= one->until); });
    lock.lock();
    kept_back_count_ -= settled;
    kept_back_.insert(kept_back_.begin(), asked.begin(), asked.end());
    kept_back_came_.wait_for(lock, stop, kBetweenLooks, [] { return false; });  // however many changes come
  }
}

// Resumes the connection where there is an answer now; the exchange may be gone then.
bool HttpsServer::settle(Exchange& exchange, bool last) {
  try {
    exchange.answer = exchange.kept_back(last);
  } catch (const std::exception& error) {
    spdlog::error("cannot answer a request that was kept back error={}", error.what());
    exchange.answer = plain(MHD_HTTP_INTERNAL_SERVER_ERROR, "internal error\n");
  }
  if (!exchange.answer) return false;
  MHD_resume_connection(exchange.connection);
  return true;
}

void HttpsServer::wait_for_work(std::stop_token stop) {
  name_thread("verify waits");
  std::unique_lock lock(work_mutex_);
  while (work_came_.wait(lock, stop, [this] { return !work_.empty(); }) && !stop.stop_requested()) {
    Exchange& exchange = *work_.front();
    work_.pop_front();
    lock.unlock();
    try {
      exchange.answer = exchange.work(stop);
    } catch (const std::exception& error) {
      spdlog::error("cannot answer a request that waited error={}", error.what());
      exchange.answer = plain(MHD_HTTP_INTERNAL_SERVER_ERROR, "internal error\n");
    }
    MHD_resume_connection(exchange.connection);
    lock.lock();
  }
}

// Shuts down what took too long. libmicrohttpd has a time limit too, but each byte that trickles in starts it anew.
void HttpsServer::close_stale(std::stop_token stop) {
  name_thread("verify sweeps");
  std::unique_lock lock(peers_mutex_);
  while (peer_came_.wait(lock, stop, [this] { return !peers_.empty(); }) && !stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    for (const Peer* peer : peers_) {
      if (now - peer->since > patience_) shutdown(peer->socket, SHUT_RDWR);
    }
    peer_came_.wait_for(lock, stop, kSweepEvery, [] { return false; });
  }
}

void HttpsServer::stop() {
  if (daemon_ == nullptr) return;
  {
    const std::lock_guard lock(work_mutex_);
    stopping_ = true;
  }
  threads_.clear();  // asked to stop, and joined; no thread looks at work_ any more
  for (Exchange* exchange : work_) {
    exchange->answer = busy();
    MHD_resume_connection(exchange->connection);
  }
  work_.clear();
  for (Exchange* exchange : kept_back_) settle(*exchange, true);
  kept_back_.clear();
  MHD_stop_daemon(std::exchange(daemon_, nullptr));
}

}  // namespace apitoken::verify
