// Credentials of a pod: the service account's files, which the kubelet renews, and the API server's
// address from the environment. Made once at start; read anew as the files change.
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "kube/credentials.hpp"

namespace apitoken::kube {

inline constexpr const char* kServiceAccountFolder =
    "/var/run/secrets/kubernetes.io/serviceaccount";

// Whether KUBERNETES_SERVICE_HOST says that this is a pod.
bool in_cluster();

// `folder` holds token, ca.crt and namespace. With an IPv6 service address the server is reached by
// its name, kubernetes.default.svc. Errors: Invalid or Unauthorized, naming the variable or file
// and the remedy.
Result<std::unique_ptr<Credentials>> in_cluster_credentials(
    const std::string& folder = kServiceAccountFolder, const Clock& clock = kSystemClock);

}  // namespace apitoken::kube
