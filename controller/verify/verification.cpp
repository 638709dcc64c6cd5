// Builds the parts of verification; starts and stops them in order.
#include "verify/verification.hpp"

#include "base/log.hpp"

namespace apitoken::verify {
namespace {

constexpr std::string_view kFlag = "--verify-bind-address";
constexpr std::string_view kDefaultAddress = ":8443";
constexpr unsigned kServingThreads = 2;

}  // namespace

Verification::Verification(kube::Client& client, kube::Store<api::ApiToken>& store, PublicKeys keys,
                           serve::CertificateFiles files, serve::CallerAudiences audiences,
                           std::function<bool()> synced, std::function<bool()> publishes,
                           const Clock& clock, const core::ReservedNames& reserved)
    : index_(store, clock),
      verifier_(
          index_, keys.has,
          [this](const api::ApiToken& token, WallTime when) { used_tokens_.note(token, when); },
          reserved),
      caller_reviews_(client, serve::kMayIntrospect, std::move(audiences), clock),
      endpoints_(verifier_, caller_reviews_, deferred_, std::move(keys), metrics_,
                 std::move(synced), clock,
                 [this, publishes = std::move(publishes)] { return !leads_ || publishes(); }),
      certificate_(std::move(files), std::string(kCertificateFlags), clock),
      server_({serve::kVerifyLimits, kServingThreads, &certificate_},
              serve::Routes(endpoints_.routes())) {
  store.set_listener([this](const kube::Change<api::ApiToken>& change) {
    index_.follow(change);
    deferred_.index_changed();
  });
}

Status Verification::start(const std::optional<std::string>& address) {
  if (address == serve::kNoAddress) return {};
  auto socket = serve::ListeningSocket::open(kFlag, address.value_or(std::string(kDefaultAddress)));
  if (!socket && !address) {
    log::warn(socket.error().message +
              ": tokens are not verified here; give another address, or 0");
    return {};
  }
  if (!socket) return std::unexpected(socket.error());
  deferred_.start();
  endpoints_.introspecting().start();
  return server_.start(std::move(*socket));
}

// The parts that hold requests stop before the server.
void Verification::stop() {
  deferred_.stop();
  endpoints_.introspecting().stop();
  server_.stop();
}

}  // namespace apitoken::verify
