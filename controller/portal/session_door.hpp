// SessionDoor: signs people in to `apitoken-portal`: at their issuer, with a bearer token, or by a
// proxy's Authorization header; each has a session from then on. The API server decides who they
// are; the portal trusts no name. Routes asks it on the serving threads, which never wait, and on
// the workers' threads; see door.hpp.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "portal/door.hpp"
#include "portal/namespace_directory.hpp"
#include "portal/oidc_sign_in.hpp"
#include "portal/sessions.hpp"
#include "portal/sign_in_cookie.hpp"
#include "portal/try_limit.hpp"
#include "portal/workers.hpp"

namespace apitoken::portal {

// The ways to sign in that are switched on.
struct SignInWays {
  bool oidc = false;
  bool token = false;
  bool header = false;
};

class SessionDoor final : public Door {
 public:
  struct Setup {
    ApiServer server;
    SignInWays ways;
    std::string public_url;  // "https://tokens.example.com"; empty: any name that leads here
    bool plain_http = false;
    std::string cluster;
    std::vector<std::string> home_namespaces;
    bool temporary_token = true;
    std::string version;  // of the portal
    SessionLimits limits;
    std::optional<OidcSettings> oidc;  // with ways.oidc
  };
  // Everything here outlives the door.
  struct Parts {
    Workers& workers;
    NamespaceDirectory* directory;
    UpstreamObserver& observer;
    const Clock& clock;
  };

  SessionDoor(Setup setup, SignInCookies cookies, Parts parts);

  bool is_our_host(std::string_view host) const override;
  bool is_our_origin(std::string_view origin, std::string_view host) const override;
  std::variant<std::shared_ptr<Viewer>, Problem> admit(const serve::HttpRequest& request) override;
  nlohmann::json about() const override;
  KnownNamespaces known_namespaces(Viewer& viewer, std::stop_token stop) override;
  serve::HttpAnswer sign_in(const SignIn& request, std::stop_token stop) override;
  serve::HttpAnswer sign_out(Viewer& viewer, std::stop_token stop) override;
  std::optional<serve::HttpReply> serve_own(const serve::HttpRequest& request) override;

  Sessions& sessions() { return sessions_; }
  const ApiServer& api_server() const { return setup_.server; }

 private:
  // A callback from the issuer, kept while a worker serves it.
  struct Callback {
    std::string cookie;
    std::string state;
    SecretString code;
    std::string error;  // the issuer's word for a refusal
    std::string peer;
  };

  SignedIn make_signed_in(Bearer bearer, BearerCredentials::Renew renew) const;
  Problem not_signed_in() const;
  nlohmann::json way_names() const;
  std::string issuer_name() const;
  serve::HttpAnswer with_session(serve::HttpAnswer answer, const SecretString& id) const;
  serve::HttpAnswer start(std::string to, std::string old_session, const std::stop_token& stop);
  serve::HttpAnswer finish(const Callback& callback, const std::stop_token& stop);
  std::expected<serve::HttpAnswer, SignInFault> enter(const Callback& callback,
                                                      const std::stop_token& stop);
  serve::HttpAnswer failed(const SignInFault& fault, std::string_view peer) const;

  Setup setup_;  // without `oidc`, which is in oidc_
  const Parts parts_;
  SignInCookies cookies_;
  std::optional<OidcSignIn> oidc_;
  TryLimit tries_;
  Sessions sessions_;
};

}  // namespace apitoken::portal
