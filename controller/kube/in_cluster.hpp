// Credentials of a pod: the service account's files, which the kubelet renews, and the API server's
// address from the environment. find_credentials() makes them once, at start; the files are read
// again as they change.
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "kube/credentials.hpp"
#include "kube/server_url.hpp"

namespace apitoken::kube {

inline constexpr const char* kServiceAccountFolder =
    "/var/run/secrets/kubernetes.io/serviceaccount";

// Whether this process runs in a pod, by KUBERNETES_SERVICE_HOST.
bool in_cluster();

// The API server's address, by the environment of a pod. If the service address is an
// IPv6 address, the server is reached by its name, kubernetes.default.svc. Errors: Invalid, naming
// the variable and the remedy.
Result<ServerUrl> in_cluster_server();

// `folder` holds token, ca.crt and namespace. Errors: Invalid or Unauthorized, naming the variable
// or file and the remedy.
Result<std::unique_ptr<Credentials>> in_cluster_credentials(
    const std::string& folder = kServiceAccountFolder, const Clock& clock = kSystemClock);

}  // namespace apitoken::kube
