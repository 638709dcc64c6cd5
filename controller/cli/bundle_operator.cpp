// The operator's part of a support bundle: how its pods run, what they log and what they count.
#include <fmt/format.h>

#include "cli/bundle.hpp"

namespace apitoken::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kOurs = "labelSelector=app.kubernetes.io%2Fpart-of%3Dapitoken-operator";
constexpr int kLogLines = 20000;
constexpr int kLogBytes = 8 << 20;

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

}  // namespace

std::string add_operator(Bundle& bundle, const std::string& operator_namespace) {
  std::string account = "apitoken-operator";
  bundle.add_list(
      "operator/deployments.json",
      fmt::format("/apis/apps/v1/namespaces/{}/deployments?{}", operator_namespace, kOurs),
      [&account](json& deployment) {
        json& pod = deployment["spec"]["template"];
        redact_pod(pod);
        if (!deployment["metadata"].value("name", "").ends_with("portal"))
          account = pod["spec"].value("serviceAccountName", account);
      });
  std::vector<json> pods;
  const std::string path = fmt::format("/api/v1/namespaces/{}/pods", operator_namespace);
  bundle.add_list("operator/pods.json", fmt::format("{}?{}", path, kOurs), [&pods](json& pod) {
    redact_pod(pod);
    pods.push_back(pod);
  });
  for (const json& pod : pods) {
    const std::string own = fmt::format("{}/{}", path, pod["metadata"].value("name", ""));
    add_logs(bundle, pod, own);
    add_metrics(bundle, pod, own);
  }
  bundle.add_list(
      "operator/leases.json",
      fmt::format("/apis/coordination.k8s.io/v1/namespaces/{}/leases", operator_namespace));
  return fmt::format("system:serviceaccount:{}:{}", operator_namespace, account);
}

}  // namespace apitoken::cli
