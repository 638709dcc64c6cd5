// Routes: the table of one port, from method and path to handler. All requests of a port go through
// serve(), on the serving threads. Immutable.
//
//   Routes({{"GET", "/metrics", page, &may_read_metrics},
//           {"POST", "/tokenreview", review},
//           {"*", "/auth/*", authorize}})
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serve/caller_authorization.hpp"
#include "serve/http_message.hpp"

namespace apitoken::serve {

struct Route {
  const char* method;  // "GET" includes HEAD; "*": any method
  std::string path;    // "/auth/*": /auth and everything below
  Handler handler;
  CallerAuthorization* permission = nullptr;  // outlives the server; null: everybody may call
};

class Routes {
 public:
  explicit Routes(std::vector<Route> routes) : routes_(std::move(routes)) {}

  // 404 for an unknown path, 405 for another method. A slash at the end of the path is ignored.
  HttpReply serve(const HttpRequest& request) const;
  HttpReply operator()(const HttpRequest& request) const { return serve(request); }

 private:
  std::vector<Route> routes_;
};

}  // namespace apitoken::serve
