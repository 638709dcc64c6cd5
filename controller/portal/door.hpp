// Door: how people get into the portal. `kubectl apitoken web` has one with a key and one viewer,
// `apitoken-portal` one with sessions. Routes asks it for each request.
#pragma once

#include <memory>
#include <variant>

#include "portal/viewer.hpp"
#include "serve/http_message.hpp"

namespace apitoken::portal {

// A request to a sign-in route, kept while a worker serves it.
struct SignIn {
  std::string body;     // JSON; wiped by Routes
  std::string peer;     // the IP address
  std::string cookies;  // the Cookie header
};

class Door {
 public:
  virtual ~Door() = default;

  // Whether the Host header names this portal. Serving threads.
  virtual bool is_our_host(std::string_view host) const = 0;
  // Whether an Origin header names this portal; `host` is the request's Host, which is ours.
  virtual bool is_our_origin(std::string_view origin, std::string_view host) const = 0;

  // The viewer of this request, or the refusal (usually 401; its `extra` has what the sign-in page
  // offers). Serving threads: it never waits and asks no server.
  virtual std::variant<std::shared_ptr<Viewer>, Problem> admit(
      const serve::HttpRequest& request) = 0;

  // Members of GET /api/session that belong to the door: mode, cluster, features, homeNamespaces.
  virtual nlohmann::json about() const = 0;
  // Whether requests that change something are refused (--read-only).
  virtual bool is_read_only() const { return false; }
  // The namespaces to try when the viewer may list none (kubeconfig, the portal's own list), and
  // what to call that source: "kubeconfig", "portal". Workers' threads.
  struct KnownNamespaces {
    std::vector<std::string> names;
    std::string source;
  };
  virtual KnownNamespaces known_namespaces(Viewer& viewer, std::stop_token stop) = 0;

  // POST /api/session: a new session; the answer carries its cookie. Workers' threads.
  virtual serve::HttpAnswer sign_in(const SignIn& request, std::stop_token stop) {
    static_cast<void>(request), static_cast<void>(stop);
    return to_answer(not_found("There is nothing to sign in to here."));
  }
  // DELETE /api/session, after the session's tokens were revoked: ends the session. The answer is
  // {"next": …} and drops the cookie. Workers' threads.
  virtual serve::HttpAnswer sign_out(Viewer& viewer, std::stop_token stop) = 0;
  // Answers the door's own paths ("/signin/start", "/signin/callback"). Empty: the path is not the
  // door's. Serving threads; an answer that takes time is a Pending.
  virtual std::optional<serve::HttpReply> serve_own(const serve::HttpRequest& request) {
    static_cast<void>(request);
    return {};
  }
};

}  // namespace apitoken::portal
