// NamespaceDirectory: the names of all namespaces, listed with the portal's own service account
// (--discover-namespaces). The portal asks nothing else by itself. A viewer is shown only names of
// namespaces in which that viewer has a permission; see namespaces.hpp. Workers' threads; one asks
// the API server, the others take the remembered names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/failure_log.hpp"
#include "base/mutex.hpp"
#include "kube/client.hpp"
#include "kube/credentials.hpp"

namespace apitoken::portal {

class NamespaceDirectory {
 public:
  static constexpr std::chrono::seconds kFresh{60};

  // The observer and the clock outlive it.
  NamespaceDirectory(std::unique_ptr<kube::Credentials> credentials,
                     kube::RequestObserver& observer, const Clock& clock);

  // At most a minute old; older if the API server does not answer, which is logged once.
  std::vector<std::string> names(const std::stop_token& stop);

 private:
  Result<std::vector<std::string>> list(const std::stop_token& stop);

  const std::unique_ptr<kube::Credentials> credentials_;
  const std::unique_ptr<kube::Transport> transport_;
  kube::Client client_;
  const Clock& clock_;
  Mutex mutex_;
  std::vector<std::string> names_ GUARDED_BY(mutex_);
  SteadyTime ask_at_ GUARDED_BY(mutex_){};
  FailureLog failure_log_{"cannot list namespaces", "namespaces are listed again"};
};

}  // namespace apitoken::portal
