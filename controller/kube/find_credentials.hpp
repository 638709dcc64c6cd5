// Where the credentials come from. Called once, by main() before anything connects.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "kube/credentials.hpp"

namespace apitoken::kube {

// The first that is there: `kubeconfig_flag` (--kubeconfig), $KUBECONFIG, the pod's service account, ~/.kube/config.
// One that is there but cannot be used is an error, no reason to look further.
Result<std::unique_ptr<Credentials>> find_credentials(const std::string& kubeconfig_flag);

}  // namespace apitoken::kube
