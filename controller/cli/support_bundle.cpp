// support-bundle: gathers what somebody needs to help with a cluster into one archive, without
// values, addresses and names of people (cli/redaction.hpp). Reads only. A part that cannot be read
// says why, and the others follow.
#include <fmt/format.h>

#include <array>

#include "base/rfc3339.hpp"
#include "cli/bundle.hpp"
#include "cli/commands.hpp"

namespace apitoken::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kOwnGroup = "/apis/apitoken.dev/v1alpha1";
constexpr std::string_view kAdmission = "/apis/admissionregistration.k8s.io/v1";
constexpr std::string_view kCrds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
constexpr std::size_t kMaxTroubled = 5000;  // ApiTokens in full that are not Ready
constexpr std::size_t kMaxReady = 1000;     // and that are

// The Ready condition; an empty object without one.
json ready_condition(const json& token) {
  const json status = token.value("status", json::object());
  for (const json& condition : status.value("conditions", json::array())) {
    if (condition.value("type", "") == "Ready") return condition;
  }
  return json::object();
}

// Also takes note of all users, so this part comes first.
Outcome<void> add_tokens(Bundle& bundle, const std::string& name_space) {
  const std::string path = name_space.empty()
                               ? fmt::format("{}/apitokens", kOwnGroup)
                               : fmt::format("{}/namespaces/{}/apitokens", kOwnGroup, name_space);
  json troubled = json::array(), ready = json::array(), reasons = json::object();
  std::size_t total = 0;
  TRY(bundle.read_items(path, [&](json& token) {
    redact_token(token, bundle.redaction());
    ++total;
    const json condition = ready_condition(token);
    const std::string reason = condition.value("reason", "no Ready condition");
    reasons[reason] = reasons.value(reason, 0) + 1;
    json& list = condition.value("status", "") == "True" ? ready : troubled;
    if (list.size() < (&list == &ready ? kMaxReady : kMaxTroubled)) list.push_back(token);
    return true;
  }));
  bundle.add("apitokens.json", {{"namespace", name_space.empty() ? "all namespaces" : name_space},
                                {"total", total},
                                {"byReason", reasons},
                                {"notReady", troubled},
                                {"ready", ready}});
  return {};
}

// Adds the tokens of all namespaces or, if that is forbidden, those of the context's namespace.
void add_tokens_as_far_as_allowed(Bundle& bundle, const Options& options) {
  const std::string name = "apitokens.json";
  auto added = add_tokens(bundle, options.name_space);
  if (!added && added.error().code == ExitCode::NotAllowed && options.name_space.empty()) {
    bundle.add_failure("apitokens of all namespaces", added.error());
    added = add_tokens(bundle, bundle.cluster().name_space());
  }
  if (!added) bundle.add_failure(name, added.error());
}

void add_events(Bundle& bundle, const std::string& kind, const Options& options) {
  const std::string path =
      options.name_space.empty() || kind != "ApiToken"
          ? "/apis/events.k8s.io/v1/events"
          : fmt::format("/apis/events.k8s.io/v1/namespaces/{}/events", options.name_space);
  bundle.add_list(fmt::format("events-of-{}.json", kind),
                  fmt::format("{}?fieldSelector=regarding.kind%3D{}", path, kind));
}

// Keeps only the names of spec's fields of the schema: they tell an older CRD from a newer one.
void shrink_crd(json& crd) {
  for (json& version : crd["spec"]["versions"]) {
    json fields = json::array();
    const json::json_pointer spec("/schema/openAPIV3Schema/properties/spec/properties");
    if (version.contains(spec)) {
      for (const auto& [field, schema] : version[spec].items()) fields.push_back(field);
    }
    version["schema"] = {{"fieldsOfSpec", fields}};
  }
}

void add_versions(Bundle& bundle, const std::string& version) {
  auto server = bundle.read("/version");
  if (!server) return bundle.add_failure("versions.json", server.error());
  bundle.add("versions.json", {{"kubectl-apitoken", version}, {"server", *server}});
  bundle.add_objects(
      "crds.json",
      {{"apitokens", fmt::format("{}/apitokens.apitoken.dev", kCrds)},
       {"tokenexpiryconfigs", fmt::format("{}/tokenexpiryconfigs.apitoken.dev", kCrds)}},
      shrink_crd);
}

void add_policies(Bundle& bundle) {
  std::vector<std::pair<std::string, std::string>> paths;
  for (const char* policy : {"apitoken-mint", "apitoken-mint-labels", "apitoken-lifetimes",
                             "apitoken-status", "apitoken-fence"}) {
    for (const char* kind : {"validatingadmissionpolicies", "validatingadmissionpolicybindings"})
      paths.emplace_back(fmt::format("{}/{}", kind, policy),
                         fmt::format("{}/{}/{}", kAdmission, kind, policy));
  }
  bundle.add_objects("policies.json", paths);
}

struct Permission {
  std::string_view verb;
  kube::Resource resource;
  std::string_view subresource{};
};
constexpr std::array<Permission, 9> kYourPermissions{{
    {"list", kube::resources::kApiTokens},
    {"create", kube::resources::kApiTokens},
    {"patch", kube::resources::kApiTokens},
    {"mint-permanent", kube::resources::kApiTokens},
    {"get", kube::resources::kSecrets},
    {"list", kube::resources::kTokenExpiryConfigs},
    {"patch", kube::resources::kTokenExpiryConfigs},
    {"list", kube::resources::kEvents},
    {"get", kube::resources::kLeases},
}};
constexpr std::array<Permission, 13> kOperatorPermissions{{
    {"list", kube::resources::kApiTokens},
    {"watch", kube::resources::kApiTokens},
    {"delete", kube::resources::kApiTokens},
    {"patch", kube::resources::kApiTokens, "status"},
    {"watch", kube::resources::kTokenExpiryConfigs},
    {"patch", kube::resources::kTokenExpiryConfigs, "status"},
    {"watch", kube::resources::kSecrets},
    {"create", kube::resources::kSecrets},
    {"patch", kube::resources::kSecrets},
    {"delete", kube::resources::kSecrets},
    {"watch", kube::resources::kNamespaces},
    {"create", kube::resources::kEvents},
    {"create", kube::resources::kTokenReviews},
}};

std::string text_of(const Permission& permission) {
  return fmt::format("{} {}{}{}", permission.verb, kube::name_of(permission.resource),
                     permission.subresource.empty() ? "" : "/", permission.subresource);
}

void add_permissions(Bundle& bundle, const std::string& account) {
  json yours = json::object(), operators = json::object();
  for (const Permission& permission : kYourPermissions) {
    const auto allowed = bundle.cluster().may(permission.verb, permission.resource);
    if (!allowed) return bundle.add_failure("permissions.json", allowed.error());
    yours[text_of(permission)] = *allowed;
  }
  for (const Permission& permission : kOperatorPermissions) {
    const auto allowed = bundle.cluster().may_other(account, permission.verb, permission.resource,
                                                    permission.subresource);
    if (!allowed) {
      bundle.add_failure("permissions of the operator", allowed.error());
      break;
    }
    operators[text_of(permission)] = *allowed;
  }
  bundle.add("permissions.json",
             {{fmt::format("you, in namespace {}", bundle.cluster().name_space()), yours},
              {"the operator, in all namespaces", operators}});
}

}  // namespace

Outcome<ExitCode> run_support_bundle(const Invocation& invocation, const std::string& version,
                                     const Terminal& terminal) {
  const Options& options = invocation.options;
  const auto cluster = TRY(Cluster::connect(options, terminal.stop()));
  const auto you = TRY(cluster->who_am_i());
  const auto now = std::chrono::floor<Seconds>(SystemClock{}.wall());
  Bundle bundle(*cluster, now);
  bundle.redaction().user(you);
  Progress progress(terminal);
  progress.show("collecting ApiTokens");
  add_tokens_as_far_as_allowed(bundle, options);
  bundle.add_list("tokenexpiryconfigs.json", fmt::format("{}/tokenexpiryconfigs", kOwnGroup));
  progress.show("collecting Events and policies");
  add_events(bundle, "ApiToken", options);
  add_events(bundle, "TokenExpiryConfig", options);
  add_versions(bundle, version);
  add_policies(bundle);
  progress.show("collecting the operator's state and log");
  const std::string account = add_operator(bundle, options.operator_namespace);
  add_permissions(bundle, account);
  if (terminal.stop().stop_requested()) return give_up(ExitCode::Interrupted, "interrupted");
  std::string file = options.bundle_file;
  if (file.empty()) {
    file = fmt::format("apitoken-support-{}.tar.gz", format_rfc3339(now));
    std::erase(file, ':');
  }
  TRY(bundle.write(file, version, options.operator_namespace));
  for (const std::string& part : bundle.missing()) terminal.note("missing: " + part);
  terminal.out(file + "\n");
  terminal.note(
      "users, addresses and values are removed; names of objects are not: look through it "
      "before you hand it on");
  return ExitCode::Ok;
}

}  // namespace apitoken::cli
