// Credentials from kubeconfig files: the cluster and user of a context, the current one unless
// another is named. Read once at start; the certificate and token files that it names are read
// again as connections and requests need them. What cannot be honoured (basic auth, auth providers,
// proxies, impersonation) is refused by name, never ignored. Contract:
// https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "kube/credentials.hpp"

namespace apitoken::kube {

// Errors: Invalid (Unauthorized where a file that it names cannot be read), naming file, entry,
// field, value and remedy.
Result<std::unique_ptr<Credentials>> load_kubeconfig(const std::string& path,
                                                     const Clock& clock = kSystemClock,
                                                     const std::string& context = "");

// Several files, as KUBECONFIG lists them: of entries with the same name, and of current contexts,
// the first wins; files that do not exist are skipped, but one must.
Result<std::unique_ptr<Credentials>> load_kubeconfigs(const std::vector<std::string>& paths,
                                                      const Clock& clock = kSystemClock,
                                                      const std::string& context = "");

}  // namespace apitoken::kube
