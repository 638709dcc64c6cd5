// BearerCredentials: the credentials of one session: its bearer token and nothing else. The Viewer
// of the session owns them; its transport asks for the token before each request. A token that came
// with a refresh token is renewed at 80 % of its life, by the first request after that, one renewal
// at a time. Any thread; bearer_token() may wait for the issuer.
#pragma once

#include <condition_variable>
#include <functional>
#include <optional>
#include <stop_token>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "kube/credentials.hpp"

namespace apitoken::portal {

// The address and CA of the API server, the same for all sessions.
struct ApiServer {
  std::string url;          // "https://host:port"
  std::string server_name;  // the name in its certificate
  std::string ca_file;      // PEM; read for each new connection
};

// The token of a session.
struct Bearer {
  SecretString token;
  std::optional<WallTime> expires_at{};  // empty: it does not say
  SecretString refresh_token{};          // empty: it cannot be renewed
};

class BearerCredentials final : public kube::Credentials {
 public:
  // Asks the issuer for a new bearer. `token` of the answer is empty if the issuer gives none: then
  // the present one is the last. Errors: Unauthorized (never try again), anything else (try again
  // later).
  using Renew = std::function<Result<Bearer>(std::string_view refresh_token, std::stop_token)>;

  static constexpr Seconds kRetryAfter{10};  // a renewal that failed, or a token that was refused

  // `server` and `clock` outlive the credentials. `renew` may be null if there is no refresh token.
  BearerCredentials(const ApiServer& server, Bearer bearer, Renew renew, const Clock& clock);

  const std::string& server() const override { return server_.url; }
  const std::string& default_namespace() const override { return default_namespace_; }
  Result<kube::TlsMaterial> tls() override;
  // Errors: Unauthorized if the token is past its end or the session has ended.
  Result<std::optional<SecretString>> bearer_token() override;
  // The API server answered 401: renews before the next request if that is possible.
  void reject() override;

  // When the present token ends and cannot be renewed. Empty: it can be renewed, or has no end of
  // its own.
  std::optional<WallTime> last_end() const;
  // The session has ended: wipes the tokens and ends a renewal under way.
  void close();

 private:
  SecretString begin_renewal() REQUIRES(mutex_);
  void end_renewal(Result<Bearer> renewed) REQUIRES(mutex_);
  void take(Result<Bearer> renewed) REQUIRES(mutex_);
  void plan_renewal() REQUIRES(mutex_);

  const ApiServer& server_;
  const std::string default_namespace_;
  const Renew renew_;
  const Clock& clock_;
  std::stop_source closed_;
  mutable Mutex mutex_;
  std::condition_variable_any renewed_;
  Bearer bearer_ GUARDED_BY(mutex_);
  WallTime renew_at_ GUARDED_BY(mutex_){};  // counts if there is a refresh token
  WallTime asked_at_ GUARDED_BY(mutex_){};  // the last renewal
  bool renewing_ GUARDED_BY(mutex_) = false;
};

}  // namespace apitoken::portal
