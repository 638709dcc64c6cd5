// Requests, and the three kinds of reply that a handler may return: HttpAnswer, Pending, Streamed.
// HttpServer fills requests and sends replies; handlers see no sockets. All are values, except
// Responder and Stream.
//
//   Handler healthy = [](const HttpRequest&) { return HttpAnswer{.body = "ok\n"}; };
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "serve/stream.hpp"

namespace apitoken::serve {

// Compares names of headers or schemes: ASCII, without regard to case.
bool same_name(std::string_view a, std::string_view b);

// The views are valid until the request is answered.
struct HttpRequest {
  using Header = std::pair<std::string_view, std::string_view>;

  std::string_view method;
  std::string_view path;  // decoded
  std::vector<Header> headers{};
  std::string_view body{};
  std::vector<std::pair<std::string, std::string>> query{};  // decoded
  std::string_view peer{};                                   // the caller's IP address
  bool path_escapes_slash = false;                           // a slash of `path` was sent as %2F
  // Whether the caller showed a certificate that the client CA signed. Slow: call it only if the
  // answer matters.
  std::function<bool()> certified = [] { return false; };

  // The first header of that name, in upper or lower case; empty if there is none.
  std::string_view header(std::string_view name) const;
  // The token of "Authorization: Bearer …"; empty if there is none.
  std::string_view bearer_token() const;
  // The first query parameter of that name; empty if there is none.
  std::string_view parameter(std::string_view name) const;
};

struct HttpAnswer {
  int status = 200;
  std::string content_type{};  // empty: no such header
  std::string body{};
  std::vector<std::pair<const char*, std::string>> headers{};  // a name may be repeated
  std::vector<std::string> more{};  // further parts of a body that is too long for one string
  // For a body that is too long to be in memory at once: each call returns the next piece, and an
  // empty one at the end. Called when the peer has room, on a serving thread; it must not wait.
  // Null: `body` and `more` are all.
  std::function<std::string()> rest{};
};

struct HttpReply;

// The duty to answer one request, once, on any thread. If it is destroyed unused, it answers 503.
class Responder {
 public:
  explicit Responder(std::function<void(HttpReply)> send) : send_(std::move(send)) {}
  Responder(Responder&& other) noexcept : send_(std::exchange(other.send_, nullptr)) {}
  Responder& operator=(Responder&&) = delete;
  ~Responder();

  // Afterwards the request and its views may be destroyed.
  void answer(HttpReply reply) &&;

 private:
  std::function<void(HttpReply)> send_;
};

// An answer that needs time. `begin` passes the Responder to the object that will answer, and
// returns at once; the request takes no thread meanwhile. An object that holds Responders is
// stopped before the server.
struct Pending {
  std::function<void(Responder)> begin;
};

// An answer without a known end. `begin` passes the writing side to the producer and returns at
// once. The producer may write on any thread until write() returns false. The server sends no
// pings; the producer may.
struct Streamed {
  HttpAnswer head;  // without body
  std::function<void(std::shared_ptr<Stream>)> begin;
};

struct HttpReply : std::variant<HttpAnswer, Pending, Streamed> {
  using variant::variant;
};

// Runs on a serving thread and must not wait.
using Handler = std::function<HttpReply(const HttpRequest&)>;

}  // namespace apitoken::serve
