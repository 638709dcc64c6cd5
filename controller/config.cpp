// The table of the operator's flags, and the rules for their values.
#include "config.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/ascii.hpp"
#include "base/duration.hpp"
#include "core/key_ring.hpp"
#include "core/plain_text.hpp"

namespace apitoken {
namespace {

constexpr int kMaxWorkers = 256;
constexpr std::size_t kMaxClusterName = 63;
constexpr std::size_t kMaxPortalUrl = 200;
// A smaller difference is noise: a Date has whole seconds, and answers take time.
constexpr Seconds kMinClockTolerance{10};

Complaint set_operator_namespace(Config& config, std::string_view value) {
  if (auto complaint = refuse_namespace(value)) return complaint;
  config.operator_namespace = value;
  return {};
}

Complaint set_namespaces(Config& config, std::string_view value) {
  std::vector<std::string>& names = config.namespaces;
  if (auto complaint = add_items(names, value, refuse_namespace)) return complaint;
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return {};
}

Complaint set_caller_audiences(Config& config, std::string_view value) {
  const auto fits = [](char c) { return c > ' ' && c < 127 && c != '"' && c != '\\'; };
  do {
    const auto comma = std::min(value.find(','), value.size());
    const auto audience = trimmed(value.substr(0, comma), " ");
    if (audience.empty() || !std::ranges::all_of(audience, fits)) {
      return "allowed are names without blanks and quotes, separated by commas, such as "
             "apitoken-verify";
    }
    config.caller_audiences.emplace_back(audience);
    value.remove_prefix(std::min(comma + 1, value.size()));
  } while (!value.empty());
  return {};
}

Complaint set_reserved_groups(Config& config, std::string_view value) {
  if (!config.reserved_groups) config.reserved_groups.emplace();
  return add_items(*config.reserved_groups, value, [](std::string_view group) -> Complaint {
    if (group.empty()) return "there is an empty name between commas";
    return {};
  });
}

// KEY, PREFIX/KEY or DOMAIN/.
Complaint set_reserved_secret_metadata(Config& config, std::string_view value) {
  return add_items(config.reserved_secret_metadata, value, [](std::string_view key) -> Complaint {
    const bool fits =
        std::ranges::all_of(key, [](char c) { return is_host_character(c) || c == '/'; });
    if (!fits || key.empty() || key.starts_with('/') || std::ranges::count(key, '/') > 1) {
      return fmt::format(
          "\"{}\" is neither a key such as example.com/sync nor a domain such as example.com/",
          key);
    }
    return {};
  });
}

// The URL may have a path: verifiers append "/.well-known/openid-configuration" to it.
Complaint set_issuer(Config& config, std::string_view value) {
  if (!is_plain_https_url(value) || value.ends_with('/')) {
    return "allowed are URLs https://HOST[:PORT][/PATH] without query, fragment, user and slash at "
           "the end";
  }
  config.issuer = value;
  return {};
}

// Appears in subjects and, in the chart, in a YAML string.
Complaint set_cluster_name(Config& config, std::string_view value) {
  const auto fits = [](char c) { return c > ' ' && c < 127 && c != '"' && c != '\\'; };
  if (value.empty() || value.size() > kMaxClusterName || !std::ranges::all_of(value, fits)) {
    return fmt::format(
        "allowed are 1 to {} letters, digits and signs without blanks and quotes, such as prod-eu",
        kMaxClusterName);
  }
  config.installation.cluster_name = value;
  return {};
}

// Allows http for a portal on this machine.
Complaint set_portal_url(Config& config, std::string_view value) {
  while (value.ends_with('/')) value.remove_suffix(1);
  constexpr std::string_view kHttp = "http://";
  const std::string secure = value.starts_with(kHttp)
                                 ? fmt::format("https://{}", value.substr(kHttp.size()))
                                 : std::string(value);
  if (!is_plain_https_url(secure) || value.size() > kMaxPortalUrl) {
    return fmt::format(
        "allowed are URLs https://HOST[:PORT][/PATH] or http://…, of at most {} "
        "characters, without query, fragment and user",
        kMaxPortalUrl);
  }
  config.installation.portal_url = value;
  return {};
}

Complaint set_jwt_key_rotation(Config& config, std::string_view value) {
  const auto rotation = parse_duration(value);
  if (!rotation || *rotation < core::kMinKeyRotation)
    return "allowed are durations of 1m and more, such as 720h";
  config.jwt_key_rotation = *rotation;
  return {};
}

Complaint set_clock_tolerance(Config& config, std::string_view value) {
  const auto tolerance = parse_duration(value);
  if (!tolerance || *tolerance < kMinClockTolerance)
    return "allowed are durations of 10s and more, such as 5m";
  config.clock_tolerance = *tolerance;
  return {};
}

Complaint set_kubeconfig(Config& config, std::string_view value) {
  return set_file(config.kubeconfig.emplace(), value);
}

Complaint set_verify_bind_address(Config& config, std::string_view value) {
  return set_bind_address(config.verify_bind_address.emplace(), value);
}

constexpr std::array kFlags{
    Flag<Config>{"kubeconfig", "FILE", "",
                 "How to reach the API server; without it $KUBECONFIG, the pod's service account, "
                 "~/.kube/config.",
                 set_kubeconfig},
    kMetricsBindAddressFlag<Config>,
    Flag<Config>{
        "metrics-secure", "", "false",
        "Serve /metrics over HTTPS, to callers whose token may get that path; certificate as for "
        "verification.",
        [](Config& c, std::string_view v) { return set_bool(c.metrics_secure, v); }},
    kHealthProbeBindAddressFlag<Config>,
    Flag<Config>{"verify-bind-address", "ADDRESS", ":8443",
                 "Where tokens are verified, over HTTPS; 0 for nowhere.", set_verify_bind_address},
    Flag<Config>{
        "verify-tls-cert-file", "FILE", "",
        "Certificate (PEM, with its chain) for verification, read again when it changes; without "
        "it one is made.",
        [](Config& c, std::string_view v) { return set_file(c.verify_tls_cert_file, v); }},
    Flag<Config>{"verify-tls-key-file", "FILE", "", "Its private key (PEM).",
                 [](Config& c, std::string_view v) { return set_file(c.verify_tls_key_file, v); }},
    Flag<Config>{
        "verify-client-ca-file", "FILE", "",
        "CA (PEM) whose client certificates may introspect tokens; without it callers need a "
        "bearer token.",
        [](Config& c, std::string_view v) { return set_file(c.verify_client_ca_file, v); }},
    Flag<Config>{
        "caller-audiences", "LIST", "",
        "The audiences of callers' bearer tokens; without it apitoken-verify or the API server "
        "itself.",
        set_caller_audiences},
    Flag<Config>{
        "operator-namespace", "NAMESPACE", "",
        "Where the lease, JWT keys and mail Secrets are; without it $POD_NAMESPACE, then the "
        "credentials' own.",
        set_operator_namespace},
    Flag<Config>{"namespaces", "LIST", "",
                 "The namespaces whose ApiTokens are served, separated by commas; without it all.",
                 set_namespaces},
    Flag<Config>{"reserved-groups", "LIST", "kubeadm:cluster-admins",
                 "Groups that no token may have, separated by commas; system:… is always reserved.",
                 set_reserved_groups},
    Flag<Config>{
        "reserved-secret-metadata", "LIST", "",
        "Labels and annotations that spec.secret may not set, besides the built-in ones: KEY or "
        "DOMAIN/.",
        set_reserved_secret_metadata},
    Flag<Config>{"workers", "N", "8", "How many ApiTokens are reconciled at a time, 1 to 256.",
                 [](Config& c, std::string_view v) {
                   return set_whole_number(c.workers, v, 1, kMaxWorkers);
                 }},
    Flag<Config>{"leader-elect", "", "false",
                 "Elect one of several replicas as leader; the others follow.",
                 [](Config& c, std::string_view v) { return set_bool(c.leader_elect, v); }},
    Flag<Config>{"issuer", "URL", "",
                 "The claim iss of JWTs; without it "
                 "https://apitoken-operator.NAMESPACE.svc:8443.",
                 set_issuer},
    Flag<Config>{"jwt-key-rotation", "DURATION", "720h",
                 "How long a key signs JWTs before the next key does; 1m or more.",
                 set_jwt_key_rotation},
    Flag<Config>{
        "clock-tolerance", "DURATION", "5m",
        "If the clocks of this machine and of the API server differ by more, nothing is minted or "
        "deleted.",
        set_clock_tolerance},
    Flag<Config>{"cluster-name", "NAME", "",
                 "How mails name this cluster, in their subject and body.", set_cluster_name},
    Flag<Config>{"portal-url", "URL", "",
                 "Where people open the web portal; mails and Events then link to the token.",
                 set_portal_url},
    Flag<Config>{"per-token-metrics", "", "true",
                 "Expose series for each ApiToken in addition to the counts.",
                 [](Config& c, std::string_view v) { return set_bool(c.per_token_metrics, v); }},
    Flag<Config>{"dry-run", "", "false", "Log what would be done, and write nothing.",
                 [](Config& c, std::string_view v) { return set_bool(c.dry_run, v); }},
    kLogLevelFlag<Config>,
    kLogFormatFlag<Config>,
    kVersionFlag<Config>,
    kHelpFlag<Config>,
};

}  // namespace

std::expected<Config, std::string> parse_flags(std::span<const char* const> arguments) {
  Config config;
  if (auto complaint = take_flags<Config>(kFlags, config, arguments))
    return std::unexpected(std::move(*complaint));
  if (config.verify_tls_cert_file.empty() != config.verify_tls_key_file.empty()) {
    return std::unexpected(
        "--verify-tls-cert-file and --verify-tls-key-file go together: give both or neither");
  }
  const char* pod_namespace = std::getenv("POD_NAMESPACE");
  if (!config.operator_namespace && pod_namespace != nullptr && *pod_namespace != '\0') {
    if (const auto complaint = set_operator_namespace(config, pod_namespace)) {
      return std::unexpected("$POD_NAMESPACE: " + core::plain_text(*complaint));
    }
  }
  return config;
}

std::string help_text() {
  return "apitoken-operator mints API tokens into Secrets and tells people before they expire.\n\n"
         "Usage: apitoken-operator [flags]\n\nFlags:\n" +
         describe_flags<Config>(kFlags);
}

}  // namespace apitoken
