// Transport: sends HTTP requests to one API server. It knows nothing of Kubernetes except the
// credentials. Client calls it on any thread. Implementations turn exceptions of their library into
// Errors.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace apitoken::kube {

enum class Method { Get, Post, Put, Patch, Delete };
const char* to_string(Method method);  // "GET", ...

struct HttpRequest {
  Method method = Method::Get;
  std::string target;  // path and query, already percent-encoded: "/api/v1/namespaces?limit=500"
  std::string accept = "application/json";
  std::string content_type{};  // with a body: "application/json" or a patch type
  std::string_view body{};     // the caller's bytes; they outlive the call, and no copy is kept
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::optional<Seconds> retry_after{};
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Sends one request and returns its whole answer, with any status; at most 64 MiB and 30 s.
  // Errors: Unavailable (no connection, broken off, too large, time-out; the message names host and
  // reason), Canceled, Unauthorized (no usable credentials).
  virtual Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) = 0;

  // Sends one GET. With status 200 each piece of the body goes to `receive`, on the calling thread,
  // as it arrives; `receive` returns false to end the stream. With any other status the body (at
  // most 1 MiB) is in the response. Returns at the server's end of the stream, after `receive`
  // ended it, or after 90 s without a byte, which is success: a watch may be quiet, and if the
  // connection is dead, the next request finds out. There is no total deadline.
  virtual Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                                      const std::function<bool(std::string_view)>& receive) = 0;

  // Closes the kept connections of send() if it was not called for `idle`. A connection costs its
  // memory here and on the API server. The next request makes a new one.
  virtual void close_idle(Seconds /*idle*/) {}
};

}  // namespace apitoken::kube
