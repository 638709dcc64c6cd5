// Credentials from kubeconfig files: the cluster and user of the current or a named context. The
// kubeconfig is read once, at start; certificate and token files that it names are read again as
// connections and requests need them. Fields that cannot be followed (auth providers) are refused
// by name, never ignored. Contract:
// https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "kube/credentials.hpp"

namespace apitoken::kube {

// What flags say in place of the kubeconfig.
struct Overrides {
  std::string context{};  // empty: the current one
  std::string cluster{};  // empty: the context's
  Impersonation as{};     // each part that is not empty replaces that of the kubeconfig
  bool terminal = false;  // exec plugins may talk to the person at the terminal
};

// Errors, naming file, entry, field, value and remedy: Invalid; Unauthorized if a file that the
// kubeconfig names cannot be read.
Result<std::unique_ptr<Credentials>> load_kubeconfig(const std::string& path,
                                                     const Clock& clock = kSystemClock,
                                                     const Overrides& overrides = {});

// Merges several files as KUBECONFIG lists them. Of entries with the same name, and of
// current-contexts, the first counts. Missing files are skipped, but at least one must exist.
Result<std::unique_ptr<Credentials>> load_kubeconfigs(const std::vector<std::string>& paths,
                                                      const Clock& clock = kSystemClock,
                                                      const Overrides& overrides = {});

}  // namespace apitoken::kube
