// The table of flags: name, help, the commands that take it, and the option that it sets.
#include "program/flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/duration.hpp"
#include "cli/command_line.hpp"
#include "cli/time_text.hpp"
#include "core/dns_name.hpp"

namespace apitoken::cli {
namespace {

using enum Command;

constexpr std::array<std::string_view, 2> kTypes{"Permanent", "Temporary"};
constexpr std::array<std::string_view, 2> kFormats{"Opaque", "JWT"};
constexpr std::array<std::string_view, 3> kDryRuns{"none", "client", "server"};
constexpr std::array<std::string_view, 6> kOutputs{"text", "wide", "json", "yaml", "name", "token"};

Complaint set_text(std::string& field, std::string_view value) {
  if (value.empty()) return "a value is needed";
  field = value;
  return {};
}

Complaint set_choice(std::string& field, std::string_view value,
                     std::span<const std::string_view> choices) {
  if (std::ranges::find(choices, value) == choices.end())
    return fmt::format("allowed are {} and {}", choices[0], choices[1]);
  field = value;
  return {};
}

// Adds values separated by commas. The flag may be repeated.
Complaint add_to_list(std::vector<std::string>& list, std::string_view value) {
  while (true) {
    const auto comma = std::min(value.find(','), value.size());
    if (comma == 0) return "an empty entry; write values with commas between them";
    list.emplace_back(value.substr(0, comma));
    if (comma == value.size()) return {};
    value.remove_prefix(comma + 1);
  }
}

Complaint set_namespace(Options& options, std::string_view value) {
  if (!core::is_dns_label(value))
    return "not a namespace; use at most 63 of a-z, 0-9 and -, with no - at either end";
  options.name_space = value;
  return {};
}

// Formats of kubectl's -o that take a template. The plugin refuses them and names kubectl.
constexpr std::array<std::string_view, 6> kTemplates{
    "jsonpath", "jsonpath-as-json", "go-template", "template", "custom-columns", "jsonpath-file"};

Complaint set_output(Options& options, std::string_view value) {
  if (std::ranges::find(kTemplates, value.substr(0, value.find('='))) != kTemplates.end())
    return "templates are kubectl's; use kubectl get apitokens -o " + std::string(value);
  const auto found = std::ranges::find(kOutputs, value);
  if (found == kOutputs.begin() || found == kOutputs.end()) return "unknown output format";
  options.output = static_cast<Output>(found - kOutputs.begin());
  return {};
}

Complaint set_span(Seconds& field, std::string_view value) {
  const auto span = parse_span(value);
  if (!span)
    return "not a duration; write days, hours, minutes or seconds, such as 30d, 12h or 90s";
  field = *span;
  return {};
}

// The API has no unit for days.
Complaint set_duration(std::string& field, std::string_view value) {
  Seconds span{};
  if (auto complaint = set_span(span, value)) return complaint;
  field = value.find('d') == value.npos ? std::string(value) : format_duration_short(span);
  return {};
}

Complaint set_ttl(Options& options, std::string_view value) {
  return set_duration(options.ttl, value);
}

// The value of an annotation may have commas.
Complaint add_pair(std::vector<std::string>& list, std::string_view value) {
  const auto equals = value.find('=');
  if (equals == 0 || equals == value.npos) return "write KEY=VALUE, such as team=shop";
  list.emplace_back(value);
  return {};
}

Complaint add_label(std::vector<std::string>& list, std::string_view value) {
  std::vector<std::string> pairs;
  if (auto complaint = add_to_list(pairs, value)) return complaint;
  for (const std::string& pair : pairs) {
    if (auto complaint = add_pair(list, pair)) return complaint;
  }
  return {};
}

Complaint set_expiring_within(Options& options, std::string_view value) {
  return set_span(options.expiring_within.emplace(), value);
}

Complaint set_dry_run(Options& options, std::string_view value) {
  const auto found = std::ranges::find(kDryRuns, value);
  if (found == kDryRuns.end()) return "allowed are none, client and server";
  options.dry_run = static_cast<DryRun>(found - kDryRuns.begin());
  return {};
}

Complaint set_port(Options& options, std::string_view value) {
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), options.port);
  if (error == std::errc() && end == value.data() + value.size()) return {};
  return "no port; allowed are 0 to 65535";
}

Complaint set_user(Options& options, std::string_view value) {
  return set_text(options.user, value);
}

constexpr auto kMaking = on(Create, Login);
constexpr auto kWaiting = on(Create, Login, Rotate, Revoke, TestMail);
constexpr auto kMany = on(Rotate, Revoke);
constexpr auto kCluster = on(Create, Login, List, Describe, Show, Rotate, Revoke, Verify, Check);
constexpr auto kAsking =
    kCluster | on(TestMail, Web, SupportBundle);  // commands that use a cluster
constexpr auto kPrinting = on(Create, Login, List, Describe, Rotate, Revoke);
constexpr auto kEverywhere = ~std::uint32_t{0};

constexpr std::array kFlags{
    FlagRow{"user", 0, "USER", "The user whom the token authenticates.", on(Create), set_user},
    FlagRow{"user", 0, "USER", "Only tokens of this user.", on(List), set_user},
    FlagRow{"type", 0, "TYPE", "Permanent (the default: up to a year) or Temporary (up to a day).",
            on(Create),
            [](Options& o, std::string_view v) { return set_choice(o.type, v, kTypes); }, kTypes},
    FlagRow{"ttl", 0, "DURATION",
            "How long the token works: 720h, 30d, 90m. Default: a year, or 8h for Temporary.",
            on(Create), set_ttl},
    FlagRow{"ttl", 0, "DURATION", "How long the token works, at most 24h: 90m, 12h. Default: 8h.",
            on(Login), set_ttl},
    FlagRow{"description", 0, "TEXT", "What the token is for. Appears in reminder mails.", kMaking,
            [](Options& o, std::string_view v) { return set_text(o.description, v); }},
    FlagRow{"format", 0, "FORMAT", "Opaque (the default) or JWT (Temporary only).", kMaking,
            [](Options& o, std::string_view v) { return set_choice(o.format, v, kFormats); },
            kFormats},
    FlagRow{"group", 0, "GROUP",
            "A group that verification reports. May be repeated, or a list with commas.", kMaking,
            [](Options& o, std::string_view v) { return add_to_list(o.groups, v); }},
    FlagRow{"scope", 0, "SCOPE", "A scope that verification reports. As --group.", kMaking,
            [](Options& o, std::string_view v) { return add_to_list(o.scopes, v); }},
    FlagRow{"audience", 0, "AUDIENCE", "A service that the token is meant for. As --group.",
            kMaking, [](Options& o, std::string_view v) { return add_to_list(o.audiences, v); }},
    FlagRow{"secret-name", 0, "NAME",
            "The Secret that holds the token. Default: the name of the ApiToken.", kMaking,
            [](Options& o, std::string_view v) { return set_text(o.secret_name, v); }},
    FlagRow{"key", 0, "KEY", "The key in that Secret. Default: token.", kMaking,
            [](Options& o, std::string_view v) { return set_text(o.key, v); }},
    FlagRow{"label", 0, "KEY=VALUE",
            "A label of the ApiToken, which a TokenExpiryConfig may select. May be repeated.",
            kMaking, [](Options& o, std::string_view v) { return add_label(o.labels, v); }},
    FlagRow{"secret-label", 0, "KEY=VALUE", "A label of the Secret. May be repeated.", kMaking,
            [](Options& o, std::string_view v) { return add_label(o.secret_labels, v); }},
    FlagRow{"secret-annotation", 0, "KEY=VALUE", "An annotation of the Secret. May be repeated.",
            kMaking,
            [](Options& o, std::string_view v) { return add_pair(o.secret_annotations, v); }},
    FlagRow{"delete-after", 0, "DURATION",
            "Delete the Secret this long after minting; the token goes on working.", kMaking,
            [](Options& o, std::string_view v) { return set_duration(o.delete_after, v); }},
    FlagRow{
        "encrypt-to", 0, "FILE",
        "A certificate (PEM) or public JWK: the value is encrypted for its owner. - is standard "
        "input.",
        on(Create), [](Options& o, std::string_view v) { return set_text(o.encrypt_to_file, v); }},
    FlagRow{"rotate", 0, "", "Let the operator rotate the token before it expires.", on(Create),
            [](Options& o, std::string_view v) { return set_bool(o.rotates, v); }},
    FlagRow{"rotate-before", 0, "DURATION",
            "With --rotate: how long before expiry. Default: a third of the lifetime.", on(Create),
            [](Options& o, std::string_view v) { return set_duration(o.rotate_before, v); }},
    FlagRow{"overlap", 0, "DURATION",
            "How long the previous value works after a rotation. Default: 24h, Temporary 5m.",
            on(Create), [](Options& o, std::string_view v) { return set_duration(o.overlap, v); }},
    FlagRow{"ttl-after-expired", 0, "DURATION",
            "Delete the ApiToken this long after it expired. Default: never, Temporary 1h.",
            kMaking,
            [](Options& o, std::string_view v) { return set_duration(o.ttl_after_expired, v); }},
    FlagRow{"dry-run", 0, "WHERE",
            "client: print the manifest; server: let the API server check it; none (the default).",
            kMaking, set_dry_run, kDryRuns},

    FlagRow{"mine", 0, "", "Only your own tokens.", on(List),
            [](Options& o, std::string_view v) { return set_bool(o.mine, v); }},
    FlagRow{"all", 0, "", "Tokens of all users (the default).", on(List),
            [](Options& o, std::string_view v) { return set_bool(o.all_users, v); }},
    FlagRow{"all", 0, "", "All ApiTokens of the namespace.", kMany,
            [](Options& o, std::string_view v) { return set_bool(o.all, v); }},
    FlagRow{"selector", 'l', "SELECTOR", "Only ApiTokens with these labels: team=shop,env!=test.",
            kMany | on(List),
            [](Options& o, std::string_view v) { return set_text(o.selector, v); }},
    FlagRow{"expiring-within", 0, "DURATION",
            "Only tokens that expire within this time or have expired: 30d, 12h.", kMany | on(List),
            set_expiring_within},
    FlagRow{"copy", 0, "", "Put the value on the clipboard in place of printing it.",
            on(Create, Login, Show, Rotate),
            [](Options& o, std::string_view v) { return set_bool(o.copy, v); }},
    FlagRow{"operator-namespace", 0, "NAMESPACE",
            "Where apitoken-operator runs. Default: apitoken-system.", on(Check, SupportBundle),
            [](Options& o, std::string_view v) { return set_text(o.operator_namespace, v); }},
    FlagRow{"yes", 'y', "", "Do not ask for confirmation.", kMany,
            [](Options& o, std::string_view v) { return set_bool(o.yes, v); }},
    FlagRow{"offline", 0, "", "Check format and checksum only, without a cluster.", on(Verify),
            [](Options& o, std::string_view v) { return set_bool(o.offline, v); }},
    FlagRow{"filename", 'f', "FILE",
            "A file with manifests, a directory with manifests (*.yaml, *.yml, *.json), or - for "
            "standard input. May be repeated.",
            on(Lint), [](Options& o, std::string_view v) { return add_to_list(o.files, v); }},

    FlagRow{"port", 0, "PORT", "The port on 127.0.0.1. Default: any free one.", on(Web), set_port},
    FlagRow{"open", 0, "", "Open the browser too.", on(Web),
            [](Options& o, std::string_view v) { return set_bool(o.open, v); }},
    FlagRow{"idle", 0, "DURATION", "End after this long without a page (default 30m).", on(Web),
            [](Options& o, std::string_view v) { return set_span(o.idle, v); }},
    FlagRow{"read-only", 0, "", "Refuse everything that changes something.", on(Web),
            [](Options& o, std::string_view v) { return set_bool(o.read_only, v); }},
    FlagRow{"portal-assets", 0, "DIR",
            "For development: serve the front end from this directory (portal/ of the sources).",
            on(Web), [](Options& o, std::string_view v) { return set_text(o.portal_assets, v); }},

    FlagRow{"wait", 0, "", "Wait until the operator has served the request (default true).",
            kWaiting, [](Options& o, std::string_view v) { return set_bool(o.wait, v); }},
    FlagRow{"timeout", 0, "DURATION", "How long to wait (default 60s).", kWaiting,
            [](Options& o, std::string_view v) { return set_span(o.timeout, v); }},
    FlagRow{"show-value", 0, "",
            "Print the token's value even if standard output is not a terminal; =false: leave the "
            "value in the Secret.",
            on(Create, Login, Rotate),
            [](Options& o, std::string_view v) { return set_bool(o.show_value.emplace(), v); }},

    FlagRow{"keep", 0, "",
            "Also keep the value in its Secret, for programs that read it there. Without this flag "
            "a value that is shown is shown once and kept nowhere.",
            on(Create, Login, Rotate),
            [](Options& o, std::string_view v) { return set_bool(o.keep, v); }},

    FlagRow{"namespace", 'n', "NAMESPACE", "The namespace. Default: that of the context.",
            (kCluster | on(Web)) & ~on(Verify), set_namespace},
    FlagRow{"namespace", 'n', "NAMESPACE", "Only this namespace. Default: all that you may list.",
            on(Verify), set_namespace},
    FlagRow{"namespace", 'n', "NAMESPACE",
            "ApiTokens of this namespace only. Default: all that you may list.", on(SupportBundle),
            set_namespace},
    FlagRow{"all-namespaces", 'A', "", "All namespaces. Overrides --namespace.", on(List, Verify),
            [](Options& o, std::string_view v) { return set_bool(o.all_namespaces, v); }},
    FlagRow{"output", 'o', "FORMAT", "Output format", kPrinting, set_output},
    FlagRow{"output", 'o', "FILE",
            "The archive to write. Default: apitoken-support-TIME.tar.gz, in this directory.",
            on(SupportBundle),
            [](Options& o, std::string_view v) { return set_text(o.bundle_file, v); }},
    FlagRow{
        "request-timeout", 0, "DURATION",
        "How long one request may take. Default: 20s, or --timeout if that is shorter.", kAsking,
        [](Options& o, std::string_view v) { return set_span(o.request_timeout.emplace(), v); }},
    FlagRow{"context", 0, "NAME", "The kubeconfig context to use.", kAsking,
            [](Options& o, std::string_view v) { return set_text(o.context, v); }},
    FlagRow{"cluster", 0, "NAME", "The kubeconfig cluster to use, in place of the context's.",
            kAsking, [](Options& o, std::string_view v) { return set_text(o.cluster, v); }},
    FlagRow{"as", 0, "USER", "Act as this user, who may be a service account; see kubectl options.",
            kAsking, [](Options& o, std::string_view v) { return set_text(o.as_user, v); }},
    FlagRow{"as-group", 0, "GROUP", "With --as: act as a member of this group. May be repeated.",
            kAsking,
            [](Options& o, std::string_view v) { return set_text(o.as_groups.emplace_back(), v); }},
    FlagRow{"as-uid", 0, "UID", "With --as: the UID to act with.", kAsking,
            [](Options& o, std::string_view v) { return set_text(o.as_uid, v); }},
    FlagRow{"kubeconfig", 0, "FILE", "The kubeconfig file. Default: $KUBECONFIG, ~/.kube/config.",
            kAsking, [](Options& o, std::string_view v) { return set_text(o.kubeconfig, v); }},
    FlagRow{"help", 'h', "", "Show this help.", kEverywhere,
            [](Options& o, std::string_view v) { return set_bool(o.help, v); }},
};

}  // namespace

std::span<const FlagRow> flag_rows() { return kFlags; }

bool takes(Command command, const FlagRow& flag) { return (flag.commands & on(command)) != 0; }

bool is_named(const FlagRow& flag, std::string_view name) {
  if (name.starts_with("--")) return name.substr(2) == flag.name;
  return flag.letter != 0 && name.size() == 2 && name[0] == '-' && name[1] == flag.letter;
}

const FlagRow* find_flag(Command command, std::string_view name) {
  const auto found = std::ranges::find_if(
      kFlags, [&](const FlagRow& flag) { return takes(command, flag) && is_named(flag, name); });
  return found == kFlags.end() ? nullptr : &*found;
}

}  // namespace apitoken::cli
