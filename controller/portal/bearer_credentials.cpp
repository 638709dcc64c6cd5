// Renews the token, one renewal at a time.
#include "portal/bearer_credentials.hpp"

#include <fmt/format.h>

#include "kube/read_file.hpp"

namespace apitoken::portal {
namespace {

// Renewed when this share of a token's life has passed.
constexpr double kRenewAt = 0.8;

SecretString copy_of(const SecretString& secret) {
  return SecretString(std::string(secret.reveal()));
}

}  // namespace

BearerCredentials::BearerCredentials(const ApiServer& server, Bearer bearer, Renew renew,
                                     const Clock& clock)
    : server_(server), renew_(std::move(renew)), clock_(clock), bearer_(std::move(bearer)) {
  plan_renewal();
}

Result<kube::TlsMaterial> BearerCredentials::tls() {
  kube::TlsMaterial material;
  material.server_name = server_.server_name;
  if (server_.ca_file.empty()) return material;
  std::string ca = TRY(kube::read_file(server_.ca_file));
  // An empty CA means the system's CAs.
  if (ca.empty())
    return fail(ErrorKind::Unauthorized,
                fmt::format("{} is empty; it must hold the cluster's CA", server_.ca_file));
  material.ca = std::move(ca);
  return material;
}

Result<std::optional<SecretString>> BearerCredentials::bearer_token() {
  MutexLock lock(mutex_);
  const auto is_expired = [this]() REQUIRES(mutex_) {
    return bearer_.expires_at && *bearer_.expires_at <= clock_.wall();
  };
  if (!bearer_.refresh_token.empty() && renew_at_ <= clock_.wall()) {
    if (!renewing_) {
      const SecretString refresh_token = begin_renewal();
      lock.unlock();
      auto renewed = renew_(refresh_token.reveal(), closed_.get_token());
      lock.lock();
      end_renewal(std::move(renewed));
    } else if (is_expired()) {
      renewed_.wait(lock, [this]() REQUIRES(mutex_) { return !renewing_; });
    }
  }
  if (closed_.stop_requested()) return fail(ErrorKind::Unauthorized, "the session has ended");
  if (is_expired()) return fail(ErrorKind::Unauthorized, "the session's token has expired");
  return copy_of(bearer_.token);
}

SecretString BearerCredentials::begin_renewal() {
  renewing_ = true;
  asked_at_ = clock_.wall();
  return copy_of(bearer_.refresh_token);
}

void BearerCredentials::end_renewal(Result<Bearer> renewed) {
  renewing_ = false;
  if (!closed_.stop_requested()) take(std::move(renewed));
  renewed_.notify_all();
}

void BearerCredentials::take(Result<Bearer> renewed) {
  if (!renewed && renewed.error().kind != ErrorKind::Unauthorized) {
    renew_at_ = clock_.wall() + kRetryAfter;
    return;
  }
  if (!renewed || renewed->token.empty()) {
    bearer_.refresh_token = {};
    return;
  }
  if (renewed->refresh_token.empty()) renewed->refresh_token = std::move(bearer_.refresh_token);
  bearer_ = std::move(*renewed);
  plan_renewal();
}

void BearerCredentials::plan_renewal() {
  const WallTime now = clock_.wall();
  // A token that does not say when it ends is renewed when the API server refuses it.
  renew_at_ = WallTime::max();
  if (!bearer_.expires_at) return;
  const auto life = std::chrono::duration<double>(*bearer_.expires_at - now);
  renew_at_ = now + std::chrono::floor<Seconds>(life * kRenewAt);
}

void BearerCredentials::reject() {
  const MutexLock lock(mutex_);
  if (clock_.wall() >= asked_at_ + kRetryAfter) renew_at_ = clock_.wall();
}

std::optional<WallTime> BearerCredentials::last_end() const {
  const MutexLock lock(mutex_);
  return bearer_.refresh_token.empty() ? bearer_.expires_at : std::nullopt;
}

void BearerCredentials::close() {
  closed_.request_stop();
  const MutexLock lock(mutex_);
  bearer_ = {};
}

}  // namespace apitoken::portal
