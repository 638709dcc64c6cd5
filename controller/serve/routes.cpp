// Finds the handler of a request in the table.
#include "serve/routes.hpp"

#include "serve/refusals.hpp"

namespace apitoken::serve {
namespace {

constexpr std::string_view kBelow = "/*";

bool fits(const Route& route, std::string_view path) {
  std::string_view wanted = route.path;
  if (!wanted.ends_with(kBelow)) {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return path == wanted;
  }
  wanted.remove_suffix(kBelow.size());
  return path.starts_with(wanted) && (path.size() == wanted.size() || path[wanted.size()] == '/');
}

bool answers(std::string_view route, std::string_view method) {
  return route == "*" || route == method || (route == "GET" && method == "HEAD");
}

}  // namespace

HttpReply Routes::serve(const HttpRequest& request) const {
  std::string allowed;
  for (const Route& route : routes_) {
    if (!fits(route, request.path)) continue;
    if (answers(route.method, request.method)) {
      return route.permission ? route.permission->serve(request, route.handler)
                              : route.handler(request);
    }
    allowed.append(allowed.empty() ? "" : ", ").append(route.method);
    if (std::string_view(route.method) == "GET") allowed += ", HEAD";
  }
  return allowed.empty() ? plain(404, "not found\n") : only(allowed);
}

}  // namespace apitoken::serve
