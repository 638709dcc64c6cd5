// Where the credentials come from. Called once, by a main() before anything connects.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "kube/credentials.hpp"

namespace apitoken::kube {

// Where the operator and the plugin differ.
struct Preference {
  std::string
      context{};  // of the kubeconfig; empty: the current one. Excludes the pod's service account
  bool home_first = false;  // ~/.kube/config before the pod's service account, as kubectl does
};

// The first that is there: `kubeconfig_flag` (--kubeconfig), $KUBECONFIG, the pod's service
// account, ~/.kube/config. One that is there but cannot be used is an error, no reason to look
// further.
Result<std::unique_ptr<Credentials>> find_credentials(const std::string& kubeconfig_flag,
                                                      const Preference& preference = {});

}  // namespace apitoken::kube
