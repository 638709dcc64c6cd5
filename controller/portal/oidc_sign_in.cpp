// From the code to the bearer, and its renewals.
#include "portal/oidc_sign_in.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "portal/random_text.hpp"

namespace apitoken::portal {
namespace {

std::unexpected<SignInFault> fault(const char* step, std::string message) {
  return std::unexpected<SignInFault>(SignInFault{step, std::move(message)});
}

// Tells an issuer that cannot be reached from one that refuses.
const char* step_of(const Error& error, const char* refused) {
  return error.kind == ErrorKind::Unavailable ? "issuer" : refused;
}

}  // namespace

Result<OidcProvider> OidcSignIn::provider(const std::stop_token& stop) {
  {
    const MutexLock lock(mutex_);
    if (provider_ && clock_.steady() - discovered_ < kDiscoveryFresh) return *provider_;
  }
  const auto url = discovery_url(settings_.issuer);
  const auto answer = TRY(http_.get(url, stop));
  if (answer.status != 200)
    return fail(ErrorKind::Unavailable, fmt::format("{} answers {}", url, answer.status));
  auto found = parse_discovery(answer.body.reveal(), settings_.issuer);
  if (!found) return found;
  const MutexLock lock(mutex_);
  provider_ = *found;
  discovered_ = clock_.steady();
  return found;
}

std::expected<OidcSignIn::Start, SignInFault> OidcSignIn::start(std::string to,
                                                                std::string old_session,
                                                                const std::stop_token& stop) {
  const auto issuer = provider(stop);
  if (!issuer) return fault("issuer", issuer.error().message);
  auto state = random_text();
  auto nonce = random_text();
  auto verifier = random_text();
  if (!state || !nonce || !verifier) return fault("issuer", "there is no random source");
  SignInAttempt attempt{std::string(state->reveal()), std::string(nonce->reveal()),
                        std::move(*verifier),         std::move(to),
                        std::move(old_session),       clock_.wall() + SignInCookies::kLifetime};
  auto location = authorization_url(*issuer, settings_.client, settings_.scopes, attempt.state,
                                    attempt.nonce, attempt.verifier.reveal());
  return Start{std::move(attempt), std::move(location)};
}

Result<TokenAnswer> OidcSignIn::ask(const OidcProvider& provider, const TokenRequest& request,
                                    const std::stop_token& stop) const {
  const auto answer = TRY(http_.post(provider.token_endpoint, request, stop));
  return parse_token_answer(answer.status, answer.body.reveal());
}

std::expected<OidcSignIn::Granted, SignInFault> OidcSignIn::redeem(const SignInAttempt& attempt,
                                                                   std::string_view code,
                                                                   const std::stop_token& stop) {
  const auto issuer = provider(stop);
  if (!issuer) return fault("issuer", issuer.error().message);
  auto answer =
      ask(*issuer, code_request(*issuer, settings_.client, code, attempt.verifier.reveal()), stop);
  if (!answer) return fault(step_of(answer.error(), "code"), answer.error().message);
  const auto claims = read_id_claims(answer->id_token.reveal());
  if (!claims) return fault("claims", claims.error().message);
  ExpectedClaims expected{settings_.issuer, settings_.client.id, attempt.nonce};
  if (const auto fits = check_id_claims(*claims, expected, clock_.wall()); !fits)
    return fault("claims", fits.error().message);
  expected.subject = claims->subject;
  Granted granted{
      {std::move(answer->id_token), claims->expires_at, std::move(answer->refresh_token)}, nullptr};
  if (!granted.bearer.refresh_token.empty()) {
    granted.renew = [this, expected](std::string_view token, std::stop_token until) {
      return renew(expected, token, until);
    };
  }
  return granted;
}

Result<Bearer> OidcSignIn::renew(const ExpectedClaims& expected, std::string_view refresh_token,
                                 const std::stop_token& stop) {
  const auto failed = [](Error error) {
    log::warn("cannot renew a session", {{"error", error.message}});
    return std::unexpected<Error>(std::move(error));
  };
  const auto issuer = provider(stop);
  if (!issuer) return failed(issuer.error());
  auto answer = ask(*issuer, refresh_request(*issuer, settings_.client, refresh_token), stop);
  if (!answer) return failed(answer.error());
  if (answer->id_token.empty()) return Bearer{};
  const auto claims = read_id_claims(answer->id_token.reveal());
  auto fits = claims ? check_id_claims(*claims, expected, clock_.wall())
                     : Status(std::unexpected(claims.error()));
  if (!fits) return failed({ErrorKind::Unauthorized, fits.error().message, {}});
  return Bearer{std::move(answer->id_token), claims->expires_at, std::move(answer->refresh_token)};
}

std::string OidcSignIn::logout_url(const std::stop_token& stop) {
  const auto issuer = provider(stop);
  if (!issuer) return {};
  return portal::logout_url(*issuer, settings_.client.id, settings_.public_url + "/signin");
}

}  // namespace apitoken::portal
