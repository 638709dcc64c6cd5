// HttpExchange: one request and its answer, from the first line to the last byte. libmicrohttpd's
// callbacks in http_server.cpp call it on a serving thread. While it is suspended, the holder of
// its Responder answers, on any thread.
//
//   first line -> head: refused? -> body -> handler --HttpAnswer------------------------> sent
//                                              |-----Pending: suspended ... resumed ----> sent
//                                              '-----Streamed: piece by piece, suspended
//                                                    between pieces
#pragma once

#include <condition_variable>
#include <optional>
#include <set>

#include "base/mutex.hpp"
#include "serve/connections.hpp"
#include "serve/http_message.hpp"
#include "serve/request_head.hpp"

struct MHD_Connection;
struct MHD_Response;

namespace apitoken::serve {

class TlsMaterial;

// The state that all exchanges of a server share.
class Exchanges {
 public:
  using Headers = std::vector<std::pair<const char*, std::string>>;

  Exchanges(Handler handler, const Limits& given, Headers always)
      : serve(std::move(handler)), limits(given), headers(std::move(always)) {}

  const Handler serve;
  const Limits limits;
  const Headers headers;  // of every answer

  // Count suspended exchanges and open streams. suspended() returns false once the server stops:
  // no exchange may wait any more.
  [[nodiscard]] bool suspended();
  void resumed();
  void opened(Stream& stream);
  void closed(Stream& stream);
  // Ends the streams and waits until no exchange is suspended.
  void finish();

 private:
  Mutex mutex_;
  std::condition_variable_any none_suspended_;
  std::size_t suspended_ GUARDED_BY(mutex_) = 0;
  bool finishing_ GUARDED_BY(mutex_) = false;
  std::set<Stream*> streams_ GUARDED_BY(mutex_);
};

class HttpExchange {
 public:
  // `target` is the request's, as libmicrohttpd received it. `material` is the certificate of the
  // handshake; null without TLS.
  HttpExchange(Exchanges& exchanges, MHD_Connection* connection, Connection& peer,
               const TlsMaterial* material, const char* target);
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  // head() and complete() return false if libmicrohttpd must close the connection.
  bool head(const char* method, const char* version);
  void body(std::string_view piece);
  bool complete();  // called when the body is complete, and again after each resume

  bool has_head() const { return has_head_; }

 private:
  void read_head(const char* method);
  HttpReply served();
  bool dispatch(HttpReply reply);
  void add_headers(HttpAnswer& answer) const;
  bool send(HttpAnswer answer);
  bool stream(Streamed streamed);
  bool queue(int status, MHD_Response* response);
  void begin(Pending pending);
  void resume(HttpReply reply);

  Exchanges& exchanges_;
  MHD_Connection* const connection_;
  Connection& peer_;
  const TlsMaterial* const material_;
  RawHead raw_;
  std::string path_;
  HttpRequest request_;
  std::string body_;
  bool has_head_ = false;
  bool too_large_ = false;
  std::optional<HttpReply> reply_;  // set before the connection is resumed
  std::shared_ptr<Stream> stream_;
};

}  // namespace apitoken::serve
