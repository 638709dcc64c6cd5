// Requests and the kinds of reply that a handler may give. HttpServer fills requests and sends
// replies; handlers know nothing of sockets. Values, but for Responder and Stream.
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

// Names of headers and of schemes: ASCII, and their case does not count.
bool same_name(std::string_view a, std::string_view b);

// The views live until the request is answered.
struct HttpRequest {
  using Header = std::pair<std::string_view, std::string_view>;

  std::string_view method;
  std::string_view path;  // decoded
  std::vector<Header> headers{};
  std::string_view body{};
  std::vector<std::pair<std::string, std::string>> query{};  // decoded
  std::string_view peer{};                                   // the caller's IP address
  // Whether the caller showed a certificate that the client CA vouches for. Slow: ask only if the
  // answer matters.
  std::function<bool()> certified = [] { return false; };

  // The first header of that name, whatever its case; empty if there is none.
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
  std::vector<std::string> more{};  // what follows the body, if that is too long to be one string
};

struct HttpReply;

// The duty to answer one request, once, from any thread. Destroyed unused it answers 503.
class Responder {
 public:
  explicit Responder(std::function<void(HttpReply)> send) : send_(std::move(send)) {}
  Responder(Responder&& other) noexcept : send_(std::exchange(other.send_, nullptr)) {}
  Responder& operator=(Responder&&) = delete;
  ~Responder();

  // The request and its views may be gone afterwards.
  void answer(HttpReply reply) &&;

 private:
  std::function<void(HttpReply)> send_;
};

// An answer that needs time: `begin` hands the Responder to whoever will answer, and returns at
// once. Until then the request takes no thread. Who holds Responders stops before the server does.
struct Pending {
  std::function<void(Responder)> begin;
};

// An answer without a known end. `begin` hands over the writing side and returns at once; the
// producer may write from any thread until write() says that the peer is gone. Pings are up to the
// producer.
struct Streamed {
  HttpAnswer head;  // without body
  std::function<void(std::shared_ptr<Stream>)> begin;
};

struct HttpReply : std::variant<HttpAnswer, Pending, Streamed> {
  using variant::variant;
};

// Must not wait: it runs on a serving thread.
using Handler = std::function<HttpReply(const HttpRequest&)>;

}  // namespace apitoken::serve
