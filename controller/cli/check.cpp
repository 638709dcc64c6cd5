// check: looks at everything that a token needs, from the CRDs to the mail server, and says for
// each fault what to do. Reads only. What the user may not read is unknown, which is not a fault.
#include <fmt/format.h>

#include <algorithm>

#include "api/lease.hpp"
#include "api/names.hpp"
#include "api/secret.hpp"
#include "base/rfc3339.hpp"
#include "cli/cluster.hpp"
#include "cli/commands.hpp"
#include "cli/time_text.hpp"
#include "cli/wrapped.hpp"
#include "core/plain_text.hpp"
#include "kube/admission_policy.hpp"
#include "kube/tls_context.hpp"

namespace apitoken::cli {
namespace {

constexpr std::string_view kOperator = "apitoken-operator";  // the name of its Lease
constexpr std::string_view kCertificateSecret = "apitoken-operator-tls";
constexpr Seconds kLeaseAge{60};
constexpr Seconds kCertificateLeft{7 * 24 * 3600};
constexpr std::size_t kMaxLines = 5;
constexpr std::size_t kLong = 10'000;  // lines of a file are not broken

// Prints a line for each thing that was looked at.
class Findings {
 public:
  explicit Findings(const Terminal& terminal) : terminal_(terminal) {}

  void good(std::string_view what, std::string_view how) { line(Colour::Green, "ok", what, how); }
  void unknown(std::string_view what, std::string_view why) {
    line(Colour::Faint, "unknown", what, why);
  }
  void fault(std::string_view what, std::string_view why) {
    ++faults_;
    line(Colour::Red, "fault", what, why);
  }
  std::size_t faults() const { return faults_; }

 private:
  void line(Colour colour, std::string_view verdict, std::string_view what, std::string_view text) {
    constexpr std::size_t kIndent = 9;
    terminal_.out(
        fmt::format("{}  {}\n", terminal_.painted(colour, fmt::format("{:<7}", verdict)),
                    wrapped(fmt::format("{}: {}", what, core::plain_text(text)), kIndent,
                            terminal_.streams().out_terminal ? terminal_.streams().width : kLong)));
  }

  const Terminal& terminal_;
  std::size_t faults_ = 0;
};

// Without the right to read, a thing is unknown. Any other failure is a fault.
void report(Findings& findings, std::string_view what, const Failure& failure) {
  if (failure.code == ExitCode::NotAllowed) {
    findings.unknown(what, failure.message);
  } else {
    findings.fault(what, failure.message);
  }
}

// The tokens of the namespace; empty after a fault.
std::vector<ShownToken> check_kinds(Cluster& cluster, Findings& findings) {
  auto tokens = cluster.list(cluster.name_space(), "");
  if (!tokens) {
    report(findings, "ApiTokens", tokens.error());
    return {};
  }
  findings.good("ApiTokens",
                fmt::format("{} in namespace {}", tokens->size(), cluster.name_space()));
  return std::move(*tokens);
}

// A token without an answer shows that no operator serves the namespace.
void check_operator(Cluster& cluster, const std::string& name_space,
                    const std::vector<ShownToken>& tokens, Findings& findings) {
  const auto now = SystemClock{}.wall();
  const auto waits = std::ranges::find_if(tokens, [&](const ShownToken& shown) {
    const auto& token = shown.token;
    return token.status.observed_generation < token.meta.generation && token.meta.created &&
           now - *token.meta.created > kLeaseAge;
  });
  if (waits != tokens.end()) {
    findings.fault("operator",
                   fmt::format("apitoken {} has had no answer for over a minute: does "
                               "apitoken-operator run, and do its --namespaces include {}?",
                               waits->token.meta.name, cluster.name_space()));
  }
  const auto body = cluster.read(kube::resources::kLeases, {name_space, std::string(kOperator)});
  if (!body) return report(findings, "operator", body.error());
  const auto lease = body->empty() ? std::nullopt : std::optional(api::decode_lease(*body));
  if (!lease || !*lease) {
    return findings.unknown(
        "operator",
        fmt::format("no Lease {} in namespace {}: it runs elsewhere (--operator-namespace) or "
                    "without leader election",
                    kOperator, name_space));
  }
  const auto renewed = parse_rfc3339((*lease)->renew_time);
  if ((*lease)->holder.empty() || !renewed || now - *renewed > kLeaseAge) {
    return findings.fault(
        "operator", fmt::format("no replica leads; the Lease {} in namespace {} was last renewed "
                                "{}: look at kubectl -n {} get pods",
                                kOperator, name_space, (*lease)->renew_time, name_space));
  }
  findings.good("operator", fmt::format("{} leads", (*lease)->holder));
}

void check_policy(Cluster& cluster, Findings& findings) {
  constexpr std::string_view kName = "apitoken-mint";  // of the policy and of its binding
  for (const kube::Resource& resource :
       {kube::kAdmissionPolicies, kube::kAdmissionPolicyBindings}) {
    const auto body = cluster.read(resource, {"", std::string(kName)});
    if (!body) return report(findings, "mint policy", body.error());
    if (body->empty()) {
      return findings.fault(
          "mint policy", fmt::format("{}/{} does not exist: everybody who may create "
                                     "ApiTokens gets tokens for any user; apply manifests/policy",
                                     resource.plural, kName));
    }
    if (resource.plural == kube::kAdmissionPolicies.plural) continue;
    api::JsonParser parser;
    const auto binding = parser.parse(*body);
    if (!binding || !kube::enforces(*binding, kName)) {
      return findings.fault(
          "mint policy",
          fmt::format("validatingadmissionpolicybindings/{} does not deny: everybody who may "
                      "create ApiTokens gets tokens for any user; set spec.policyName to {} and "
                      "put Deny into spec.validationActions, as manifests/policy has it",
                      kName, kName));
    }
  }
  findings.good("mint policy", "in force");
}

void check_permissions(Cluster& cluster, Findings& findings) {
  struct Permission {
    std::string_view verb;
    kube::Resource resource;
    std::string_view role;
  };
  constexpr std::array<Permission, 4> kPermissions{{
      {"create", kube::resources::kApiTokens, "apitoken-user"},
      {"patch", kube::resources::kApiTokens, "apitoken-user"},
      {"mint-permanent", kube::resources::kApiTokens, "apitoken-minter"},
      {"get", kube::resources::kSecrets, ""},
  }};
  std::string may;
  std::string may_not;
  for (const Permission& permission : kPermissions) {
    const auto allowed = cluster.may(permission.verb, permission.resource);
    if (!allowed) return report(findings, "permissions", allowed.error());
    auto& list = *allowed ? may : may_not;
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", permission.verb,
                        permission.resource.plural);
    if (!*allowed && !permission.role.empty()) list += fmt::format(" (role {})", permission.role);
  }
  findings.good("permissions",
                fmt::format("in namespace {} you may: {}; you may not: {}", cluster.name_space(),
                            may.empty() ? "nothing" : may, may_not.empty() ? "-" : may_not));
}

void check_certificate(Cluster& cluster, const std::string& name_space, Findings& findings) {
  constexpr std::string_view kWhat = "certificate of the verification endpoints";
  const auto body =
      cluster.read(kube::resources::kSecrets, {name_space, std::string(kCertificateSecret)});
  if (!body) return report(findings, kWhat, body.error());
  api::JsonParser parser;
  const auto secret = body->empty() ? std::nullopt : std::optional(parser.parse(*body));
  if (!secret || !*secret) {
    return findings.unknown(kWhat,
                            fmt::format("no Secret {} in namespace {}: the operator makes one that "
                                        "callers cannot trust, see docs/verify.md",
                                        kCertificateSecret, name_space));
  }
  const auto pem = api::decode_secret_value(**secret, "tls.crt");
  const auto end = pem ? kube::certificate_end(std::string(pem->reveal())) : std::nullopt;
  const auto now = SystemClock{}.wall();
  if (!end) {
    findings.fault(kWhat, fmt::format("Secret {} in namespace {} has no certificate under key "
                                      "tls.crt; make it again, see docs/verify.md",
                                      kCertificateSecret, name_space));
  } else if (*end - now < kCertificateLeft) {
    findings.fault(kWhat, fmt::format("ends {}: renew the one in Secret {} of namespace {}",
                                      format_rfc3339(*end), kCertificateSecret, name_space));
  } else {
    findings.good(kWhat, fmt::format("works until {}", format_rfc3339(*end)));
  }
}

void check_config(const api::TokenExpiryConfig& config, Findings& findings) {
  const auto what = fmt::format("TokenExpiryConfig {}", config.meta.name);
  bool good = true;
  for (const api::Condition& condition : config.status.conditions) {
    if (condition.status != "False") continue;
    findings.fault(what, fmt::format("{}: {}", condition.reason, condition.message));
    good = false;
  }
  if (config.status.conditions.empty()) {
    findings.fault(what, "the operator has not looked at it: see that it runs and leads");
  } else if (good) {
    findings.good(what, fmt::format("{} tokens, {} expire soon", config.status.matched_tokens,
                                    config.status.expiring_tokens));
  }
}

void check_mail(Cluster& cluster, Findings& findings) {
  const auto configs = cluster.configs();
  if (!configs) return report(findings, "TokenExpiryConfigs", configs.error());
  if (configs->empty()) {
    return findings.fault("TokenExpiryConfigs",
                          "there is none, so nobody gets mail; see manifests/samples");
  }
  for (const api::TokenExpiryConfig& config : *configs) check_config(config, findings);
}

void check_tokens(const std::vector<ShownToken>& tokens, Findings& findings) {
  std::size_t faults = 0;
  for (const ShownToken& shown : tokens) {
    const auto* const ready =
        api::find_condition(shown.token.status.conditions, api::condition::kReady);
    const bool broken =
        ready != nullptr && ready->status == "False" && ready->reason != api::reason::kRevoked;
    if (!broken || ++faults > kMaxLines) continue;
    findings.fault(fmt::format("apitoken {}", shown.token.meta.name),
                   fmt::format("{}: {}", ready->reason, ready->message));
  }
  if (faults > kMaxLines)
    findings.fault("ApiTokens", fmt::format("{} more are not Ready", faults - kMaxLines));
}

}  // namespace

Outcome<ExitCode> run_check(const Invocation& invocation, const Terminal& terminal) {
  const Options& options = invocation.options;
  const auto cluster = TRY(Cluster::connect(options, terminal.stop()));
  const auto user = TRY(cluster->who_am_i());
  Findings findings(terminal);
  findings.good("API server", fmt::format("knows you as {}", user));
  const auto tokens = check_kinds(*cluster, findings);
  check_operator(*cluster, options.operator_namespace, tokens, findings);
  check_policy(*cluster, findings);
  check_permissions(*cluster, findings);
  check_certificate(*cluster, options.operator_namespace, findings);
  check_mail(*cluster, findings);
  check_tokens(tokens, findings);
  if (findings.faults() == 0) return ExitCode::Ok;
  return give_up(ExitCode::Failed, fmt::format("{} fault{} found", findings.faults(),
                                               findings.faults() == 1 ? "" : "s"));
}

}  // namespace apitoken::cli
