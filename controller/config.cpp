#include "config.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ranges>
#include <string_view>

#include "base/duration.hpp"
#include "base/nearest.hpp"
#include "core/key_ring.hpp"
#include "core/plain_text.hpp"
#include "serve/bind_address.hpp"

namespace apitoken {
namespace {

// What is wrong with a value; nothing where it was taken over.
using Complaint = std::optional<std::string>;

struct Flag {
  std::string_view name;
  std::string_view value;  // what stands for the value in the help text; empty: a bool
  std::string_view initial;
  std::string_view help;
  Complaint (*apply)(Config& config, std::string_view value);
};

constexpr int kMostWorkers = 256;
constexpr Seconds kLeastClockTolerance{
    10};  // less is noise: a Date has whole seconds, and answers take time

Complaint set_bool(bool& field, std::string_view value) {
  constexpr std::array<std::string_view, 5> kTrue{"true", "TRUE", "True", "t", "1"};
  constexpr std::array<std::string_view, 5> kFalse{"false", "FALSE", "False", "f", "0"};
  const bool yes = std::ranges::find(kTrue, value) != kTrue.end();
  if (!yes && std::ranges::find(kFalse, value) == kFalse.end()) return "allowed are true and false";
  field = yes;
  return {};
}

Complaint set_bind_address(std::string& field, std::string_view value) {
  if (value != serve::kNoAddress && !serve::parse_bind_address(value)) {
    return "allowed are host:port, :port, [IPv6]:port, and 0 for none";
  }
  field = value;
  return {};
}

// RFC 1123 label: the names that Kubernetes takes for namespaces.
bool is_dns_label(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && alphanumeric(text.front()) &&
         alphanumeric(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return alphanumeric(c) || c == '-'; });
}

Complaint refuse_namespace(std::string_view name) {
  return fmt::format(
      "\"{}\" is no namespace: allowed are at most 63 of a-z, 0-9 and -, with no - at either end",
      name);
}

Complaint set_operator_namespace(Config& config, std::string_view value) {
  if (!is_dns_label(value)) return refuse_namespace(value);
  config.operator_namespace = value;
  return {};
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Adds what stands between the commas, without blanks around it: a flag with a list may be
// repeated. `refuse` complains about an item.
Complaint add_items(std::vector<std::string>& items, std::string_view value,
                    Complaint (*refuse)(std::string_view)) {
  while (!value.empty()) {
    const auto comma = std::min(value.find(','), value.size());
    const auto item = trimmed(value.substr(0, comma));
    if (auto complaint = refuse(item)) return complaint;
    items.emplace_back(item);
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return {};
}

Complaint set_namespaces(Config& config, std::string_view value) {
  std::vector<std::string>& names = config.namespaces;
  const auto refuse = [](std::string_view name) {
    return is_dns_label(name) ? Complaint() : refuse_namespace(name);
  };
  if (auto complaint = add_items(names, value, refuse)) return complaint;
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return {};
}

Complaint set_caller_audiences(Config& config, std::string_view value) {
  const auto fits = [](char c) { return c > ' ' && c < 127 && c != '"' && c != '\\'; };
  do {
    const auto comma = std::min(value.find(','), value.size());
    const auto audience = trimmed(value.substr(0, comma));
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

Complaint set_workers(Config& config, std::string_view value) {
  int workers = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), workers);
  if (error != std::errc() || end != value.data() + value.size() || workers < 1 ||
      workers > kMostWorkers) {
    return fmt::format("allowed are whole numbers from 1 to {}", kMostWorkers);
  }
  config.workers = workers;
  return {};
}

bool is_ipv6(std::string_view text) {
  in6_addr address;
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

// HOST[:PORT] of a URL; an IPv6 address stands in brackets.
bool is_authority(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const auto end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == text.npos) return false;
  const auto host = text.substr(0, end);
  if (bracketed ? !is_ipv6(host.substr(1))
                : host.empty() || !std::ranges::all_of(host, is_host_character))
    return false;
  const auto rest = text.substr(bracketed ? end + 1 : end);
  const auto digits = rest.substr(std::min<std::size_t>(1, rest.size()));
  std::uint16_t port = 0;
  const auto [stopped, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool is_port = error == std::errc() && stopped == digits.data() + digits.size() && port > 0;
  return rest.empty() || (rest.starts_with(':') && is_port);
}

// A path may follow the host: verifiers append "/.well-known/openid-configuration" to what stands
// here.
Complaint set_issuer(Config& config, std::string_view value) {
  constexpr std::string_view kScheme = "https://";
  const auto rest = value.substr(std::min(kScheme.size(), value.size()));
  const auto fits = [](char c) {
    return c > ' ' && c < 127 &&
           std::string_view("?#@\"\\<>^`{|}").find(c) == std::string_view::npos;
  };
  const auto authority = rest.substr(0, std::min(rest.find('/'), rest.size()));
  if (!value.starts_with(kScheme) || rest.ends_with('/') || !std::ranges::all_of(rest, fits) ||
      !is_authority(authority)) {
    return "allowed are URLs https://HOST[:PORT][/PATH] without query, fragment, user and slash at "
           "the end";
  }
  config.issuer = value;
  return {};
}

Complaint set_jwt_key_rotation(Config& config, std::string_view value) {
  const auto rotation = parse_duration(value);
  if (!rotation || *rotation < core::kFastestKeyRotation)
    return "allowed are durations of 1m and more, such as 720h";
  config.jwt_key_rotation = *rotation;
  return {};
}

Complaint set_clock_tolerance(Config& config, std::string_view value) {
  const auto tolerance = parse_duration(value);
  if (!tolerance || *tolerance < kLeastClockTolerance)
    return "allowed are durations of 10s and more, such as 5m";
  config.clock_tolerance = *tolerance;
  return {};
}

Complaint set_log_level(Config& config, std::string_view value) {
  constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};
  const auto found = std::ranges::find(kLevels, value);
  if (found == kLevels.end()) return "allowed are debug, info, warn and error";
  config.log_level = static_cast<LogLevel>(found - kLevels.begin());
  return {};
}

Complaint set_log_format(Config& config, std::string_view value) {
  if (value != "text" && value != "json") return "allowed are text and json";
  config.log_format = value == "json" ? LogFormat::Json : LogFormat::Text;
  return {};
}

Complaint set_file(std::string& field, std::string_view value) {
  if (value.empty()) return "the path of a file is wanted";
  field = value;
  return {};
}

Complaint set_kubeconfig(Config& config, std::string_view value) {
  return set_file(config.kubeconfig.emplace(), value);
}

Complaint set_verify_bind_address(Config& config, std::string_view value) {
  return set_bind_address(config.verify_bind_address.emplace(), value);
}

constexpr std::array kFlags{
    Flag{"kubeconfig", "FILE", "",
         "How to reach the API server; without it $KUBECONFIG, the pod's service account, "
         "~/.kube/config.",
         set_kubeconfig},
    Flag{"metrics-bind-address", "ADDRESS", ":8080", "Where /metrics is served; 0 for nowhere.",
         [](Config& c, std::string_view v) { return set_bind_address(c.metrics_bind_address, v); }},
    Flag{"metrics-secure", "", "false",
         "Serve /metrics over HTTPS, to bearer tokens that may get that path; certificate as for "
         "verification.",
         [](Config& c, std::string_view v) { return set_bool(c.metrics_secure, v); }},
    Flag{"health-probe-bind-address", "ADDRESS", ":8081",
         "Where /healthz and /readyz are served; 0 for nowhere.",
         [](Config& c, std::string_view v) {
           return set_bind_address(c.health_probe_bind_address, v);
         }},
    Flag{"verify-bind-address", "ADDRESS", ":8443",
         "Where tokens are verified, over HTTPS; 0 for nowhere.", set_verify_bind_address},
    Flag{"verify-tls-cert-file", "FILE", "",
         "Certificate (PEM, with its chain) for verification, read again when it changes; without "
         "it one is made.",
         [](Config& c, std::string_view v) { return set_file(c.verify_tls_cert_file, v); }},
    Flag{"verify-tls-key-file", "FILE", "", "Its private key (PEM).",
         [](Config& c, std::string_view v) { return set_file(c.verify_tls_key_file, v); }},
    Flag{"verify-client-ca-file", "FILE", "",
         "CA (PEM) whose client certificates may introspect tokens; without it callers need a "
         "bearer token.",
         [](Config& c, std::string_view v) { return set_file(c.verify_client_ca_file, v); }},
    Flag{"caller-audiences", "LIST", "",
         "Whom callers' bearer tokens must be for; without it apitoken-verify or the API server "
         "itself.",
         set_caller_audiences},
    Flag{"operator-namespace", "NAMESPACE", "",
         "Where the lease, JWT keys and mail Secrets are; without it $POD_NAMESPACE, then the "
         "credentials' own.",
         set_operator_namespace},
    Flag{"namespaces", "LIST", "",
         "The namespaces whose ApiTokens are served, separated by commas; without it all.",
         set_namespaces},
    Flag{"reserved-groups", "LIST", "kubeadm:cluster-admins",
         "Groups that no token may carry, separated by commas; none of system:… ever may.",
         set_reserved_groups},
    Flag{"reserved-secret-metadata", "LIST", "",
         "Labels and annotations that spec.secret may not set, beside the built-in ones: KEY or "
         "DOMAIN/.",
         set_reserved_secret_metadata},
    Flag{"workers", "N", "8", "How many ApiTokens are worked on at a time, 1 to 256.", set_workers},
    Flag{"leader-elect", "", "false", "Let one of several replicas act and the others stand by.",
         [](Config& c, std::string_view v) { return set_bool(c.leader_elect, v); }},
    Flag{"issuer", "URL", "",
         "Who issues JWTs, their claim iss; without it "
         "https://apitoken-operator.NAMESPACE.svc:8443.",
         set_issuer},
    Flag{"jwt-key-rotation", "DURATION", "720h",
         "How long a key signs JWTs before the next one does; 1m or more.", set_jwt_key_rotation},
    Flag{"clock-tolerance", "DURATION", "5m",
         "How far the clocks of this machine and of the API server may differ before nothing is "
         "minted or deleted.",
         set_clock_tolerance},
    Flag{"per-token-metrics", "", "true", "Expose series for each ApiToken beside the counts.",
         [](Config& c, std::string_view v) { return set_bool(c.per_token_metrics, v); }},
    Flag{"dry-run", "", "false", "Say what would be done, and write nothing.",
         [](Config& c, std::string_view v) { return set_bool(c.dry_run, v); }},
    Flag{"log-level", "LEVEL", "info", "The least that is logged: debug, info, warn or error.",
         set_log_level},
    Flag{"log-format", "FORMAT", "text", "text for people, json for log collectors.",
         set_log_format},
    Flag{"version", "", "", "Print the version and exit.",
         [](Config& c, std::string_view v) { return set_bool(c.version, v); }},
    Flag{"help", "", "", "Print this and exit.",
         [](Config& c, std::string_view v) { return set_bool(c.help, v); }},
};

std::string unknown_flag(std::string_view name) {
  const auto names = std::views::transform(kFlags, &Flag::name);
  return fmt::format("unknown flag --{}; did you mean --{}? See --help", name,
                     nearest_word(name, names));
}

const Flag* find_flag(std::string_view name) {
  if (name == "h") name = "help";
  const auto found = std::ranges::find(kFlags, name, &Flag::name);
  return found == kFlags.end() ? nullptr : &*found;
}

// Takes the first flag, and its value, off `arguments`.
Complaint take_flag(Config& config, std::span<const char* const>& arguments) {
  const std::string_view argument = arguments.front();
  arguments = arguments.subspan(1);
  if (!argument.starts_with('-') || argument.find_first_not_of('-') == std::string_view::npos) {
    return fmt::format("unexpected argument \"{}\"; only flags are taken, see --help", argument);
  }
  const auto text = argument.substr(argument.starts_with("--") ? 2 : 1);
  const auto equals = text.find('=');
  const auto* flag = find_flag(text.substr(0, equals));
  if (flag == nullptr) return unknown_flag(text.substr(0, equals));

  std::string_view value = "true";
  if (equals != std::string_view::npos) {
    value = text.substr(equals + 1);
  } else if (!flag->value.empty()) {
    if (arguments.empty())
      return fmt::format("--{} wants a value: --{}={}", flag->name, flag->name, flag->value);
    value = arguments.front();
    arguments = arguments.subspan(1);
  }
  const auto complaint = flag->apply(config, value);
  if (!complaint) return {};
  return fmt::format("--{}: invalid value \"{}\": {}", flag->name, value, *complaint);
}

}  // namespace

std::expected<Config, std::string> parse_flags(std::span<const char* const> arguments) {
  Config config;
  while (!arguments.empty()) {
    if (const auto complaint = take_flag(config, arguments))
      return std::unexpected(core::plain_text(*complaint));
  }
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
  std::string text =
      "apitoken-operator mints API tokens into Secrets and tells people before they expire.\n\n"
      "Usage: apitoken-operator [flags]\n\nFlags:\n";
  for (const auto& flag : kFlags) {
    const auto left = flag.value.empty() ? fmt::format("--{}", flag.name)
                                         : fmt::format("--{} {}", flag.name, flag.value);
    const auto initial =
        flag.initial.empty() ? std::string() : fmt::format(" (default {})", flag.initial);
    text += fmt::format("  {}{}\n      {}\n", left, initial, flag.help);
  }
  return text;
}

}  // namespace apitoken
