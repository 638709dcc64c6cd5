// The table of the portal's flags, and the rules for their values.
#include "portal/config.hpp"

#include <algorithm>
#include <array>

#include "base/duration.hpp"
#include "kube/server_url.hpp"
#include "serve/bind_address.hpp"

namespace apitoken::portal {
namespace {

constexpr Seconds kMinLength{60};
constexpr Seconds kMaxLength{std::chrono::hours(24 * 7)};
constexpr std::size_t kMaxClusterName = 100;
constexpr int kMaxSessions = 100'000;

Complaint set_ways(Config& config, std::string_view value) {
  SignInWays ways;
  std::vector<std::string> names;
  const auto refuse = [](std::string_view name) -> Complaint {
    if (name == "oidc" || name == "token" || name == "header") return {};
    return "allowed are oidc, token and header, separated by commas";
  };
  if (auto complaint = add_items(names, value, refuse)) return complaint;
  if (names.empty()) return refuse("");
  const auto has = [&](std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  ways = {.oidc = has("oidc"), .token = has("token"), .header = has("header")};
  config.ways = ways;
  return {};
}

Complaint set_public_url(Config& config, std::string_view value) {
  if (value.ends_with('/')) value.remove_suffix(1);
  constexpr std::size_t kScheme = std::string_view("https://").size();
  if (!is_plain_https_url(value) || value.find('/', kScheme) != value.npos)
    return "allowed are URLs https://HOST[:PORT] without a path: the portal is at the root of its "
           "host";
  config.public_url = value;
  return {};
}

Complaint set_oidc_issuer(Config& config, std::string_view value) {
  if (!is_plain_https_url(value))
    return "allowed are URLs https://HOST[:PORT][/PATH] without query, fragment and user";
  config.oidc_issuer = value;
  return {};
}

Complaint set_words(std::string& field, std::string_view value, bool blanks) {
  const auto fits = [blanks](char c) {
    return (c > ' ' || (blanks && c == ' ')) && c < 127 && c != '"' && c != '\\';
  };
  if (value.empty() || !std::ranges::all_of(value, fits))
    return blanks ? "allowed are words of ASCII, separated by blanks"
                  : "allowed is a word of ASCII without quotes";
  field = value;
  return {};
}

Complaint set_oidc_scopes(Config& config, std::string_view value) {
  std::string scopes;
  if (auto complaint = set_words(scopes, value, true)) return complaint;
  if (!(" " + scopes + " ").contains(" openid ")) return "openid must be among the scopes";
  config.oidc_scopes = std::move(scopes);
  return {};
}

Complaint set_length(Seconds& field, std::string_view value) {
  const auto length = parse_duration(value);
  if (!length || *length < kMinLength || *length > kMaxLength)
    return "allowed are durations from 1m to 168h, such as 8h";
  field = *length;
  return {};
}

Complaint set_sessions_max(Config& config, std::string_view value) {
  int most = 0;
  if (auto complaint = set_whole_number(most, value, 1, kMaxSessions)) return complaint;
  config.limits.most = static_cast<std::size_t>(most);
  return {};
}

Complaint set_kube_apiserver(Config& config, std::string_view value) {
  const auto url = kube::parse_server_url(value, "");
  if (!url || !url->tls) return "allowed are URLs https://HOST[:PORT][/PREFIX]";
  config.kube_apiserver = url->text;
  return {};
}

Complaint set_cluster_name(Config& config, std::string_view value) {
  if (value.size() > kMaxClusterName || core::plain_text(value) != value)
    return "allowed are at most 100 characters on one line";
  config.cluster_name = value;
  return {};
}

Complaint set_temporary_token(Config& config, std::string_view value) {
  if (value == "on" || value == "off") {
    config.temporary_token = value == "on";
    return {};
  }
  return set_bool(config.temporary_token, value) ? Complaint("allowed are on and off")
                                                 : Complaint();
}

constexpr std::array kFlags{
    Flag<Config>{"bind-address", "ADDRESS", ":8444", "Where the portal is served, over HTTPS.",
                 [](Config& c, std::string_view v) { return set_bind_address(c.bind_address, v); }},
    Flag<Config>{"tls-cert-file", "FILE", "",
                 "Certificate (PEM, with its chain), read again when it changes; without it one is "
                 "made for the run.",
                 [](Config& c, std::string_view v) { return set_file(c.tls_cert_file, v); }},
    Flag<Config>{"tls-private-key-file", "FILE", "", "Its private key (PEM).",
                 [](Config& c, std::string_view v) { return set_file(c.tls_key_file, v); }},
    Flag<Config>{"plain-http", "", "false",
                 "Serve plain HTTP, for a proxy in the same pod; with a loopback --bind-address "
                 "alone.",
                 [](Config& c, std::string_view v) { return set_bool(c.plain_http, v); }},
    Flag<Config>{"kube-apiserver", "URL", "",
                 "The API server that people sign in to; without it that of this pod's cluster.",
                 set_kube_apiserver},
    Flag<Config>{"kube-ca-file", "FILE", "",
                 "The CA (PEM) of its certificate; without it the service account's, and with "
                 "--kube-apiserver the system's.",
                 [](Config& c, std::string_view v) { return set_file(c.kube_ca_file, v); }},
    Flag<Config>{"auth", "LIST", "token",
                 "How people sign in: oidc (their issuer), token (a pasted bearer token), header "
                 "(a proxy's Authorization header).",
                 set_ways},
    Flag<Config>{"public-url", "URL", "",
                 "The address that people open, https://HOST[:PORT]; other names are refused then. "
                 "oidc needs it.",
                 set_public_url},
    Flag<Config>{"oidc-issuer", "URL", "", "The issuer, exactly as kube-apiserver trusts it.",
                 set_oidc_issuer},
    Flag<Config>{
        "oidc-client-id", "ID", "",
        "The portal's client id; kube-apiserver must accept it as an audience.",
        [](Config& c, std::string_view v) { return set_words(c.oidc_client_id, v, false); }},
    Flag<Config>{
        "oidc-client-secret-file", "FILE", "",
        "The client's secret; without it the client is a public one, with PKCE.",
        [](Config& c, std::string_view v) { return set_file(c.oidc_client_secret_file, v); }},
    Flag<Config>{"oidc-ca-file", "FILE", "",
                 "The CA (PEM) of the issuer's certificate; without it the system's.",
                 [](Config& c, std::string_view v) { return set_file(c.oidc_ca_file, v); }},
    Flag<Config>{"oidc-scopes", "SCOPES", "openid email groups offline_access",
                 "What the issuer is asked for; offline_access brings the refresh token.",
                 set_oidc_scopes},
    Flag<Config>{"session", "DURATION", "8h", "How long a session lasts at most.",
                 [](Config& c, std::string_view v) { return set_length(c.limits.longest, v); }},
    Flag<Config>{"idle", "DURATION", "1h", "How long a session lasts without a request.",
                 [](Config& c, std::string_view v) { return set_length(c.limits.idle, v); }},
    Flag<Config>{"sessions-max", "N", "2000", "How many sessions there may be at a time.",
                 set_sessions_max},
    Flag<Config>{"discover-namespaces", "", "false",
                 "Look for each viewer's namespaces among all that the portal's service account "
                 "may list.",
                 [](Config& c, std::string_view v) { return set_bool(c.discover_namespaces, v); }},
    Flag<Config>{"home-namespaces", "LIST", "",
                 "Where people's own tokens go: the first of these in which they may make one.",
                 [](Config& c, std::string_view v) {
                   return add_items(c.home_namespaces, v, refuse_namespace);
                 }},
    Flag<Config>{"cluster-name", "NAME", "", "What the pages call this cluster.", set_cluster_name},
    Flag<Config>{"temporary-token", "on|off", "on",
                 "Whether the Profile page offers a token for the rest of the session.",
                 set_temporary_token},
    Flag<Config>{"portal-assets", "DIR", "",
                 "Serve the pages from this folder; for work on the pages.",
                 [](Config& c, std::string_view v) { return set_file(c.portal_assets, v); }},
    kMetricsBindAddressFlag<Config>,
    kHealthProbeBindAddressFlag<Config>,
    kLogLevelFlag<Config>,
    kLogFormatFlag<Config>,
    kVersionFlag<Config>,
    kHelpFlag<Config>,
};

bool is_loopback_address(std::string_view address) {
  const auto parsed = serve::parse_bind_address(address);
  return parsed && kube::is_loopback(parsed->host);
}

// Checks flags that depend on each other.
Complaint check_together(const Config& config) {
  if (config.tls_cert_file.empty() != config.tls_key_file.empty())
    return "--tls-cert-file and --tls-private-key-file go together: give both or neither";
  if (config.plain_http && !config.tls_cert_file.empty())
    return "--plain-http and --tls-cert-file exclude each other";
  if (config.plain_http && !is_loopback_address(config.bind_address)) {
    return "--plain-http needs a --bind-address on loopback, such as 127.0.0.1:8444: tokens would "
           "cross the network in the clear";
  }
  if (config.bind_address == serve::kNoAddress) return "--bind-address: the portal needs one";
  if (!config.ways.oidc) {
    return config.oidc_issuer.empty() ? Complaint() : "--oidc-issuer counts with --auth oidc alone";
  }
  if (config.oidc_issuer.empty() || config.oidc_client_id.empty() || config.public_url.empty())
    return "--auth oidc needs --oidc-issuer, --oidc-client-id and --public-url";
  return {};
}

}  // namespace

std::expected<Config, std::string> parse_flags(std::span<const char* const> arguments) {
  Config config;
  if (auto complaint = take_flags<Config>(kFlags, config, arguments))
    return std::unexpected(std::move(*complaint));
  if (config.help || config.version) return config;
  if (auto complaint = check_together(config)) return std::unexpected(std::move(*complaint));
  return config;
}

std::string help_text() {
  return "apitoken-portal serves the web portal of apitoken-operator to people who sign in.\n\n"
         "Usage: apitoken-portal [flags]\n\nFlags:\n" +
         describe_flags<Config>(kFlags);
}

}  // namespace apitoken::portal
