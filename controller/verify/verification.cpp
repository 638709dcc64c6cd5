#include "verify/verification.hpp"

#include <spdlog/spdlog.h>

#include "base/thread_name.hpp"

namespace apitoken::verify {
namespace {

constexpr std::string_view kFlag = "--verify-bind-address";
constexpr std::string_view kDefaultAddress = ":8443";

}  // namespace

Verification::Verification(kube::Client& client, kube::Store<api::ApiToken>& store, PublicKeys keys,
                           CertificateFiles files, CallerAudiences audiences, std::function<bool()> synced,
                           const Clock& clock, const core::ReservedNames& reserved)
    : index_(store, clock),
      last_use_(client, store, clock),
      verifier_(
          index_, keys.has, [this](const api::ApiToken& token, WallTime when) { last_use_.note(token, when); },
          reserved),
      callers_(client, kMayIntrospect, std::move(audiences), clock),
      endpoints_(verifier_, callers_, std::move(keys), metrics_, std::move(synced), clock, [this] { return !leads_; }),
      certificate_(std::move(files), clock),
      server_([this](const HttpsRequest& request) { return endpoints_.serve(request); }, certificate_) {
  store.set_listener([this](const kube::Change<api::ApiToken>& change) {
    index_.follow(change);
    server_.look_again();
  });
}

void Verification::lead(std::stop_token stop) {
  leads_ = true;
  last_use_.run(std::move(stop));
  leads_ = false;
}

Status Verification::start(const std::optional<std::string>& address) {
  if (address == serve::kNoAddress) return {};
  auto socket = serve::ListeningSocket::open(kFlag, address.value_or(std::string(kDefaultAddress)));
  if (!socket && !address) {
    spdlog::warn("{}: tokens are not verified here; give another address, or 0", socket.error().message);
    return {};
  }
  if (!socket) return std::unexpected(socket.error());
  if (Status loaded = certificate_.load(); !loaded) return loaded;
  if (Status started = server_.start(std::move(*socket)); !started) return started;
  renewing_ = std::jthread([this](std::stop_token stop) {
    name_thread("renew callers");
    callers_.renew(std::move(stop));
  });
  return {};
}

void Verification::stop() {
  server_.stop();
  renewing_ = {};
}

}  // namespace apitoken::verify
