// Finds the handler of each request.
#include "portal/routes.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "portal/guards.hpp"
#include "serve/refusals.hpp"

namespace apitoken::portal {
namespace {

// How a path matches a route's pattern.
struct Match {
  bool fits = false;
  std::string ns{};
  std::string name{};
};

Match match(const CallRoute& route, const std::vector<std::string>& parts) {
  const auto pattern = split_path(route.path);
  Match match{.fits = pattern.size() == parts.size()};
  for (std::size_t i = 0; match.fits && i < parts.size(); ++i) {
    if (pattern[i] == "{ns}") {
      match.ns = parts[i];
    } else if (pattern[i] == "{name}") {
      match.name = parts[i];
    } else {
      match.fits = pattern[i] == parts[i];
    }
  }
  return match;
}

// Checks the names in a path. The error says what is wrong with the name.
Expected<void> check_names(const serve::HttpRequest& request,
                           const std::vector<std::string>& parts) {
  if (request.path_escapes_slash)
    return refuse(bad_request("name",
                              "a name in the path holds a slash (%2F); no namespace and no "
                              "object has such a name"));
  const bool tokens = parts.size() > 2 && parts[1] == "tokens" && parts[2] != "preview";
  const bool settings = parts.size() > 2 && parts[1] == "settings" && parts[2] != "preview";
  if (tokens) {
    if (auto checked = check_namespace(parts[2]); !checked) return checked;
    if (parts.size() > 3) return check_name(parts[3]);
  }
  if (settings) return check_name(parts[2]);
  return {};
}

std::span<const CallRoute> table(std::size_t at) {
  switch (at) {
    case 0:
      return session_routes();
    case 1:
      return token_routes();
    case 2:
      return token_write_routes();
    default:
      return settings_routes();
  }
}
constexpr std::size_t kTables = 4;

int status_of(const serve::HttpReply& reply) {
  if (const auto* answer = std::get_if<serve::HttpAnswer>(&reply)) return answer->status;
  if (const auto* streamed = std::get_if<serve::Streamed>(&reply)) return streamed->head.status;
  return 0;
}

serve::HttpAnswer too_many_requests() {
  return to_answer({.status = 429,
                    .reason = "TooManyRequests",
                    .message = "This session sends too many requests.",
                    .remedy = "Wait a second and try again.",
                    .retry_after = Seconds(1)});
}

serve::HttpAnswer read_only() {
  return to_answer({403, "ReadOnly", "This portal was started with --read-only.",
                    "Start kubectl apitoken web without --read-only."});
}

serve::HttpAnswer method_not_allowed(const std::string& allowed) {
  auto answer =
      to_answer({405, "MethodNotAllowed", "This is not answered here; allowed: " + allowed + "."});
  answer.headers.emplace_back("Allow", allowed);
  return answer;
}

}  // namespace

bool is_page(std::string_view path) {
  const auto parts = split_path(path);
  const auto count = parts.size();
  const auto& first = parts[0];
  if (first == "users") return true;  // a user's name may hold slashes
  if (std::ranges::any_of(parts, [](const auto& part) { return part.empty(); })) return path == "/";
  if (first == "faults" || first == "about") return count == 1;
  if (first == "signin") return count == 1 || (count == 2 && parts[1] == "failed");
  if (first == "profile") return count == 1 || (count == 2 && parts[1] == "new");
  if (first == "settings") return count <= 2;
  if (first == "tokens") return count == 1 || (count == 2 && parts[1] == "new") || count == 3;
  return false;
}

Routes::Routes(Parts parts)
    : parts_(std::move(parts)),
      backend_{parts_.door, parts_.streams, parts_.clock, parts_.version} {}

serve::HttpReply Routes::serve(const serve::HttpRequest& request) {
  const auto path = request.path;
  // Probes ask by address.
  if (path == "/healthz") return serve::plain(200, "ok\n");
  if (const auto problem = refuse_host(request, parts_.door)) return to_answer(*problem);
  if (path.starts_with("/api/")) return serve_api(request);
  if (auto own = parts_.door.serve_own(request)) return std::move(*own);
  const bool page = is_page(path);
  auto asset = page ? std::nullopt : parts_.assets.find(request);
  if (!page && !asset)
    return to_answer(not_found("The portal has no page or route at this address."));
  if (request.method != "GET" && request.method != "HEAD") return method_not_allowed("GET, HEAD");
  return page ? parts_.assets.page(request) : std::move(*asset);
}

serve::HttpReply Routes::serve_api(const serve::HttpRequest& request) {
  if (const auto problem = refuse_foreign(request, parts_.door))
    return refuse(request, nullptr, to_answer(*problem));
  if (request.path == "/api/session" && request.method == "POST") return serve_session(request);
  auto admitted = parts_.door.admit(request);
  if (const auto* problem = std::get_if<Problem>(&admitted))
    return refuse(request, nullptr, to_answer(*problem));
  auto viewer = std::get<std::shared_ptr<Viewer>>(std::move(admitted));
  if (!viewer->take_request()) return refuse(request, viewer.get(), too_many_requests());
  return dispatch(request, std::move(viewer));
}

// Signing in needs no session.
serve::HttpReply Routes::serve_session(const serve::HttpRequest& request) {
  auto kept = std::make_shared<SignIn>(std::string(request.body), std::string(request.peer),
                                       std::string(request.header("Cookie")));
  return parts_.workers.serve([this, kept](std::stop_token stop) -> serve::HttpReply {
    auto answer = parts_.door.sign_in(*kept, std::move(stop));
    wipe(kept->body);
    parts_.answered({.method = "POST", .route = "/api/session", .status = answer.status});
    return answer;
  });
}

serve::HttpReply Routes::dispatch(const serve::HttpRequest& request,
                                  std::shared_ptr<Viewer> viewer) {
  const auto parts = split_path(request.path);
  if (const auto checked = check_names(request, parts); !checked)
    return refuse(request, viewer.get(), to_answer(checked.error()));
  const auto method = request.method == "HEAD" ? std::string_view("GET") : request.method;
  std::string allowed;
  for (std::size_t i = 0; i < kTables; ++i) {
    for (const CallRoute& route : table(i)) {
      auto found = match(route, parts);
      if (!found.fits) continue;
      if (method != route.method) {
        allowed.append(allowed.empty() ? "" : ", ").append(route.method);
        continue;
      }
      if (route.writes && parts_.door.is_read_only())
        return refuse(request, viewer.get(), read_only(), route.path);
      auto call = std::make_shared<Call>(backend_, std::move(viewer), std::move(found.ns),
                                         std::move(found.name), request.query,
                                         std::string(request.body), std::string(request.peer));
      return run(route, std::move(call));
    }
  }
  return refuse(request, viewer.get(),
                allowed.empty()
                    ? to_answer(not_found("The portal has no page or route at this address."))
                    : method_not_allowed(allowed));
}

serve::HttpReply Routes::refuse(const serve::HttpRequest& request, const Viewer* viewer,
                                serve::HttpAnswer answer, std::string_view route) {
  parts_.answered({.method = request.method,
                   .route = route,
                   .status = answer.status,
                   .user = viewer != nullptr ? viewer->known_user() : ""});
  return answer;
}

serve::HttpReply Routes::run(const CallRoute& route, std::shared_ptr<Call> call) {
  return parts_.workers.serve(
      [this, &route, call = std::move(call)](std::stop_token stop) -> serve::HttpReply {
        call->stop = std::move(stop);
        serve::HttpReply reply =
            to_answer({500, "Internal", "The portal failed while it made the answer."});
        try {
          auto served = route.handler(*call);
          // The viewer's permissions have changed: a remembered verdict is wrong.
          if (!served && served.error().status == 403) call->viewer->permissions().clear();
          reply = served ? std::move(*served) : serve::HttpReply(to_answer(served.error()));
        } catch (const std::exception& error) {
          log::error("cannot serve",
                     {{"method", route.method}, {"route", route.path}, {"error", error.what()}});
        }
        parts_.answered({.method = route.method,
                         .route = route.path,
                         .status = status_of(reply),
                         .user = call->viewer->known_user()});
        return reply;
      });
}

}  // namespace apitoken::portal
