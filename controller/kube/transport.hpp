// Transport: HTTP to one API server, nothing else; no Kubernetes in it but the credentials. Client
// and reflectors call it, from any thread. An implementation converts whatever its library throws.
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
  std::string_view
      body{};  // the caller's bytes: they outlive the call and are never copied for keeps
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::optional<Seconds> retry_after{};
};

class Transport {
 public:
  virtual ~Transport() = default;

  // One request and its whole answer, whatever its status. Bounded: 64 MiB, 30 s in all.
  // Errors: Unavailable (no connection, broken off, too large, time-out; the message says which
  // host and why), Canceled, Unauthorized (no usable credentials).
  virtual Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) = 0;

  // One GET whose answer is handed over in pieces as it arrives, on the calling thread. With status
  // 200 each piece goes to `receive`, which returns false to end the stream; with any other status
  // the body (at most 1 MiB) is in the response. Returns after the server's clean end, when
  // `receive` ended it, or after 90 s without a byte: a quiet watch is nothing unusual, and where
  // the connection is dead, the next request finds out. No total deadline.
  virtual Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                                      const std::function<bool(std::string_view)>& receive) = 0;
};

}  // namespace apitoken::kube
