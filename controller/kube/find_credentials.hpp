// Finds the credentials. Each program's main() calls it once, before anything connects.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "kube/credentials.hpp"
#include "kube/kubeconfig.hpp"

namespace apitoken::kube {

// How the operator and the plugin differ.
struct Preference {
  // If they name a context or cluster, a pod's service account is not used.
  Overrides overrides{};
  bool home_first = false;  // ~/.kube/config before the pod's service account, as kubectl does
};

// The first of these that exists: `kubeconfig_flag` (--kubeconfig), $KUBECONFIG, the pod's service
// account, ~/.kube/config. If that one cannot be used, the call fails and the others are not tried.
Result<std::unique_ptr<Credentials>> find_credentials(const std::string& kubeconfig_flag,
                                                      const Preference& preference = {});

}  // namespace apitoken::kube
