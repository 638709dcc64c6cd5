// OidcSignIn: gets a bearer token that the API server accepts, from /signin/start to the callback,
// and renews it. It sends the requests of oidc.hpp through OidcHttp and checks the answers. The
// session door calls it on threads that may wait. It keeps the issuer's discovery document for ten
// minutes, and nothing about people.
#pragma once

#include <functional>
#include <optional>

#include "base/mutex.hpp"
#include "portal/bearer_credentials.hpp"
#include "portal/oidc_http.hpp"
#include "portal/sign_in_cookie.hpp"

namespace apitoken::portal {

struct OidcSettings {
  std::string issuer;
  OidcClient client;
  std::string scopes;
  std::string ca_file;     // of the issuer; empty: the system's CAs
  std::string public_url;  // where sign-out at the issuer leads back to
};

// The step of a sign-in that failed. The page /signin/failed has a sentence for each.
struct SignInFault {
  const char* step;     // "refused", "state", "issuer", "code", "claims", "cluster", "full"
  std::string message;  // for the log
};

class OidcSignIn {
 public:
  static constexpr std::chrono::minutes kDiscoveryFresh{10};

  // The clock outlives it.
  OidcSignIn(OidcSettings settings, const Clock& clock)
      : settings_(std::move(settings)), http_(settings_.ca_file), clock_(clock) {}

  const OidcSettings& settings() const { return settings_; }

  struct Start {
    SignInAttempt attempt;
    std::string location;  // where to send the browser
  };
  std::expected<Start, SignInFault> start(std::string to, std::string old_session,
                                          const std::stop_token& stop);
  // The bearer for `code`, which came with this attempt, and how to renew it.
  struct Granted {
    Bearer bearer;
    BearerCredentials::Renew renew;  // null if there is no refresh token
  };
  std::expected<Granted, SignInFault> redeem(const SignInAttempt& attempt, std::string_view code,
                                             const std::stop_token& stop);
  // Empty if the issuer has no sign-out or cannot be asked.
  std::string logout_url(const std::stop_token& stop);

 private:
  Result<OidcProvider> provider(const std::stop_token& stop);
  Result<TokenAnswer> ask(const OidcProvider& provider, const TokenRequest& request,
                          const std::stop_token& stop) const;
  Result<Bearer> renew(const ExpectedClaims& expected, std::string_view refresh_token,
                       const std::stop_token& stop);

  const OidcSettings settings_;
  const OidcHttp http_;
  const Clock& clock_;
  Mutex mutex_;
  std::optional<OidcProvider> provider_ GUARDED_BY(mutex_);
  SteadyTime discovered_ GUARDED_BY(mutex_){};
};

}  // namespace apitoken::portal
