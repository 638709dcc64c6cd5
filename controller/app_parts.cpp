// Builds the parts of the operator from its flags and the credentials. Starts no thread.
#include "app_parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <random>

#include "api/names.hpp"
#include "kube/cpprest_transport.hpp"

namespace apitoken {
namespace {

std::string user_agent() {
  return fmt::format("apitoken-operator/{} (linux/amd64)", APITOKEN_VERSION);
}

// The identity in Leases and Events: unique to this process, and readable.
std::string make_identity() {
  char host[256] = "unknown";
  gethostname(host, sizeof host - 1);
  return fmt::format("{}_{:08x}", host, std::random_device{}());
}

serve::CallerAudiences caller_audiences(const Config& config) {
  if (config.caller_audiences.empty()) return {};
  return {config.caller_audiences, false};
}

core::ReservedNames reserved_names(const Config& config) {
  core::ReservedNames names;
  if (config.reserved_groups) names.groups = *config.reserved_groups;
  names.secret_metadata = config.reserved_secret_metadata;
  return names;
}

}  // namespace

App::Parts::Parts(const Config& settings, std::unique_ptr<kube::Credentials> creds)
    : config(settings),
      reserved(reserved_names(config)),
      credentials(std::move(creds)),
      operator_namespace(config.operator_namespace.value_or(credentials->default_namespace())),
      identity(make_identity()),
      audiences(caller_audiences(config)),
      clock(machine_clock, config.clock_tolerance),
      transport(std::make_unique<kube::GuardedTransport>(
          kube::make_cpprest_transport(*credentials, user_agent(), {}, &contact),
          [this] { return leadership.holds(); }, machine_clock)) {
  if (config.leader_elect && !config.dry_run) leadership.require_election();
}

std::string App::Parts::describe_self() const {
  if (config.namespaces.empty()) return identity + ", which serves all namespaces";
  return fmt::format("{}, which serves namespace{} {}", identity,
                     config.namespaces.size() == 1 ? "" : "s", fmt::join(config.namespaces, ", "));
}

std::size_t App::Parts::live_jwts() const {
  std::size_t count = 0;
  const WallTime now = clock.wall();
  stores.tokens.for_each([&](const api::ApiToken& token) {
    const bool live = !token.status.token_hash.empty() && token.status.expires_at &&
                      now < *token.status.expires_at;
    if (live && token.spec.format == api::kJwt) ++count;
  });
  return count;
}

}  // namespace apitoken
