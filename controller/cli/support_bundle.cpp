// support-bundle: gathers what somebody needs to help with a cluster into one archive, without
// values, addresses and names of people (cli/redaction.hpp). Reads only. A part that cannot be read
// says why, and the others follow.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/rfc3339.hpp"
#include "cli/archive.hpp"
#include "cli/cluster.hpp"
#include "cli/commands.hpp"
#include "cli/redaction.hpp"

namespace apitoken::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kFolder = "apitoken-support";
constexpr std::string_view kOwnGroup = "/apis/apitoken.dev/v1alpha1";
constexpr std::string_view kAdmission = "/apis/admissionregistration.k8s.io/v1";
constexpr std::string_view kCrds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
constexpr std::string_view kOurs = "labelSelector=app.kubernetes.io%2Fpart-of%3Dapitoken-operator";
constexpr std::size_t kMaxTroubled = 5000;  // ApiTokens in full that are not Ready
constexpr std::size_t kMaxReady = 1000;     // and that are
constexpr std::size_t kMaxEvents = 5000;
constexpr int kLogLines = 20000;
constexpr int kLogBytes = 8 << 20;
constexpr std::string_view kReadMe =
    R"(What somebody needs to help with apitoken-operator.

Users and mail addresses are replaced by pseudonyms, the same in all files. Token values, hashes,
hints, descriptions, values of environment variables and of annotations are removed. Names of
objects, namespaces, groups, labels and hosts are as they are: look through the files before you
hand them on.

)";

class Bundle {
 public:
  Bundle(Cluster& cluster, WallTime now)
      : cluster_(cluster), archive_(std::string(kFolder), now.time_since_epoch().count()) {}

  Redaction& redaction() { return redaction_; }
  Cluster& cluster() { return cluster_; }

  void add(const std::string& name, json content) {
    redaction_.apply(content);
    archive_.add(name, content.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
  }
  void add_text(const std::string& name, std::string_view content) {
    archive_.add(name, redaction_.text(content));
  }
  // Says in the bundle why a part is missing.
  void add_failure(const std::string& name, const Failure& failure) {
    const std::string why = redaction_.text(failure.message);
    archive_.add(name + ".error.txt", why + "\n");
    missing_.push_back(fmt::format("{}: {}", name, why));
  }
  const std::vector<std::string>& missing() const { return missing_; }

  // A document of the API server.
  Outcome<json> read(const std::string& path) {
    const std::string body = TRY(cluster_.read_path(path));
    json document = json::parse(body, nullptr, false);
    if (document.is_discarded())
      return give_up(ExitCode::Failed, fmt::format("the answer for {} is no JSON", path));
    return document;
  }
  // The items of a list, over all pages, until `take` returns false.
  template <typename Take>
  Outcome<void> read_items(const std::string& path, Take take) {
    std::string next;
    do {
      json page = TRY(read(fmt::format("{}{}limit=500{}", path, path.contains('?') ? '&' : '?',
                                       next.empty() ? "" : "&continue=" + next)));
      for (json& item : page["items"]) {
        if (!take(item)) return {};
      }
      next = kube::percent_encode(page["metadata"].value("continue", ""));
    } while (!next.empty());
    return {};
  }

  Outcome<void> write(const std::string& path, const std::string& version,
                      const std::string& operator_namespace) {
    std::string about(kReadMe);
    about +=
        fmt::format("Collected at {} by kubectl-apitoken {}; the operator's namespace is {}.\n",
                    format_rfc3339(SystemClock{}.wall()), version, operator_namespace);
    about += missing_.empty() ? "Nothing is missing.\n" : "Missing:\n";
    for (const std::string& part : missing_) about += "- " + part + "\n";
    archive_.add("README.txt", about);
    return archive_.write(path);
  }

 private:
  Cluster& cluster_;
  Redaction redaction_;
  Archive archive_;
  std::vector<std::string> missing_;
};

bool is_ready(const json& token) {
  const json none = json::array();
  const json status = token.value("status", json::object());
  for (const json& condition : status.value("conditions", none)) {
    if (condition.value("type", "") == "Ready") return condition.value("status", "") == "True";
  }
  return false;
}

std::string reason_of(const json& token) {
  const json status = token.value("status", json::object());
  for (const json& condition : status.value("conditions", json::array())) {
    if (condition.value("type", "") == "Ready") return condition.value("reason", "");
  }
  return "no Ready condition";
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
    const std::string reason = reason_of(token);
    reasons[reason] = reasons.value(reason, 0) + 1;
    json& list = is_ready(token) ? ready : troubled;
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

// Those of all namespaces, or if that is forbidden those of the context's.
void add_tokens_as_far_as_allowed(Bundle& bundle, const Options& options) {
  const std::string name = "apitokens.json";
  auto added = add_tokens(bundle, options.name_space);
  if (!added && added.error().code == ExitCode::NotAllowed && options.name_space.empty()) {
    bundle.add_failure("apitokens of all namespaces", added.error());
    added = add_tokens(bundle, bundle.cluster().name_space());
  }
  if (!added) bundle.add_failure(name, added.error());
}

// A list, each of whose items `change` may change.
template <typename Change>
void add_list(Bundle& bundle, const std::string& name, const std::string& path, Change change) {
  json items = json::array();
  const auto read = bundle.read_items(path, [&](json& item) {
    trim_metadata(item);
    change(item);
    items.push_back(std::move(item));
    return items.size() < kMaxEvents;
  });
  if (!read) return bundle.add_failure(name, read.error());
  bundle.add(name, std::move(items));
}

void add_events(Bundle& bundle, const std::string& kind, const Options& options) {
  const std::string path =
      options.name_space.empty() || kind != "ApiToken"
          ? "/apis/events.k8s.io/v1/events"
          : fmt::format("/apis/events.k8s.io/v1/namespaces/{}/events", options.name_space);
  add_list(bundle, fmt::format("events-of-{}.json", kind),
           fmt::format("{}?fieldSelector=regarding.kind%3D{}", path, kind), [](json&) {});
}

// Objects by name; one that does not exist is null.
void add_objects(Bundle& bundle, const std::string& name,
                 const std::vector<std::pair<std::string, std::string>>& paths,
                 void (*change)(json&)) {
  json objects = json::object();
  for (const auto& [key, path] : paths) {
    auto object = bundle.read(path);
    if (!object && object.error().code == ExitCode::NotFound) {
      objects[key] = nullptr;
    } else if (!object) {
      bundle.add_failure(fmt::format("{}: {}", name, key), object.error());
    } else {
      trim_metadata(*object);
      change(*object);
      objects[key] = std::move(*object);
    }
  }
  bundle.add(name, std::move(objects));
}

// The schema shrinks to the names of the fields of spec, which tell an older CRD from a newer one.
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
  add_objects(bundle, "crds.json",
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
  add_objects(bundle, "policies.json", paths, [](json&) {});
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

// The argument of the operator's flag; empty without it.
std::string flag_of(const json& pod, const std::string& flag) {
  std::string value;
  for (const json& container : pod["spec"].value("containers", json::array())) {
    for (const json& argument : container.value("args", json::array())) {
      const std::string text = argument.is_string() ? argument.get<std::string>() : "";
      if (text.starts_with(flag + "=")) value = text.substr(flag.size() + 1);
      if (text == flag) value = "true";
    }
  }
  return value;
}

// Without the series of each token: they can be many, and tokens are in the bundle.
std::string fleet_metrics(std::string_view page) {
  std::string kept;
  while (!page.empty()) {
    const auto line = page.substr(0, std::min(page.find('\n'), page.size() - 1) + 1);
    page.remove_prefix(line.size());
    if (!line.contains("namespace=\"")) kept += line;
  }
  return kept;
}

void add_metrics(Bundle& bundle, const json& pod, const std::string& path) {
  const std::string name =
      fmt::format("operator/metrics-{}.txt", pod["metadata"].value("name", ""));
  std::string address = flag_of(pod, "--metrics-bind-address");
  if (address.empty()) address = ":8080";
  if (address == "0")
    return bundle.add_failure(name,
                              {ExitCode::Failed, "--metrics-bind-address=0: none are served"});
  const bool secure = flag_of(pod, "--metrics-secure") == "true";
  const auto page = bundle.cluster().read_path(fmt::format(
      "{}{}{}:{}/proxy/metrics", path.substr(0, path.rfind('/') + 1), secure ? "https:" : "",
      path.substr(path.rfind('/') + 1), address.substr(address.rfind(':') + 1)));
  if (!page) return bundle.add_failure(name, page.error());
  bundle.add_text(name, fleet_metrics(*page));
}

void add_logs(Bundle& bundle, const json& pod, const std::string& path) {
  const std::string pod_name = pod["metadata"].value("name", "");
  const json status = pod.value("status", json::object());
  for (const json& container : status.value("containerStatuses", json::array())) {
    const std::string name = container.value("name", "");
    if (name != "operator" && name != "portal") continue;
    const bool restarted = container.value("restartCount", 0) > 0;
    for (const bool previous : {false, true}) {
      if (previous && !restarted) continue;
      const std::string file =
          fmt::format("operator/log-{}{}.txt", pod_name, previous ? "-previous" : "");
      const auto log = bundle.cluster().read_path(
          fmt::format("{}/log?container={}&tailLines={}&limitBytes={}{}", path, name, kLogLines,
                      kLogBytes, previous ? "&previous=true" : ""));
      if (log) {
        bundle.add_text(file, *log);
      } else {
        bundle.add_failure(file, log.error());
      }
    }
  }
}

// Returns the operator's service account, as user.
std::string add_operator(Bundle& bundle, const std::string& name_space) {
  std::string account = "apitoken-operator";
  add_list(bundle, "operator/deployments.json",
           fmt::format("/apis/apps/v1/namespaces/{}/deployments?{}", name_space, kOurs),
           [&account](json& deployment) {
             json& pod = deployment["spec"]["template"];
             redact_pod(pod);
             if (!deployment["metadata"].value("name", "").ends_with("portal"))
               account = pod["spec"].value("serviceAccountName", account);
           });
  std::vector<json> pods;
  const std::string path = fmt::format("/api/v1/namespaces/{}/pods", name_space);
  add_list(bundle, "operator/pods.json", fmt::format("{}?{}", path, kOurs), [&pods](json& pod) {
    redact_pod(pod);
    pods.push_back(pod);
  });
  for (const json& pod : pods) {
    const std::string own = fmt::format("{}/{}", path, pod["metadata"].value("name", ""));
    add_logs(bundle, pod, own);
    add_metrics(bundle, pod, own);
  }
  add_list(bundle, "operator/leases.json",
           fmt::format("/apis/coordination.k8s.io/v1/namespaces/{}/leases", name_space),
           [](json&) {});
  return fmt::format("system:serviceaccount:{}:{}", name_space, account);
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
  add_list(bundle, "tokenexpiryconfigs.json", fmt::format("{}/tokenexpiryconfigs", kOwnGroup),
           [](json&) {});
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
