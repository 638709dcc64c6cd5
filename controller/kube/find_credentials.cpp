// Chooses the first of flag, environment, pod and home directory.
#include "kube/find_credentials.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "kube/in_cluster.hpp"
#include "kube/kubeconfig_entries.hpp"

namespace apitoken::kube {
namespace {

std::vector<std::string> split_paths(std::string_view list) {
  std::vector<std::string> paths;
  while (!list.empty()) {
    const std::string_view path = list.substr(0, list.find(':'));
    if (!path.empty()) paths.emplace_back(path);
    list.remove_prefix(std::min(list.size(), path.size() + 1));
  }
  return paths;
}

// ~/.kube/config if it exists, else empty.
std::string home_kubeconfig() {
  const char* home = std::getenv("HOME");
  if (home == nullptr) return "";
  std::string path = std::string(home) + "/.kube/config";
  return access(path.c_str(), F_OK) == 0 ? path : "";
}

}  // namespace

Result<std::unique_ptr<Credentials>> find_credentials(const std::string& kubeconfig_flag,
                                                      const Preference& preference) {
  const Overrides& overrides = preference.overrides;
  if (!kubeconfig_flag.empty()) return load_kubeconfig(kubeconfig_flag, kSystemClock, overrides);
  const char* listed = std::getenv("KUBECONFIG");
  if (const auto paths = split_paths(listed != nullptr ? listed : ""); !paths.empty())
    return load_kubeconfigs(paths, kSystemClock, overrides);
  const std::string home = home_kubeconfig();
  const bool skip_pod = !overrides.context.empty() || !overrides.cluster.empty() ||
                        (preference.home_first && !home.empty());
  if (in_cluster() && !skip_pod) {
    auto credentials = TRY(in_cluster_credentials());
    TRY(check_impersonation(overrides.as, "--as"));
    credentials->act_as(overrides.as);
    return credentials;
  }
  if (!home.empty()) return load_kubeconfig(home, kSystemClock, overrides);
  return fail(ErrorKind::Invalid,
              "no credentials: give --kubeconfig, set KUBECONFIG, run as a pod with a service "
              "account, or have ~/.kube/config");
}

}  // namespace apitoken::kube
