// What credentials have in common.
#include "kube/credentials.hpp"

namespace apitoken::kube {

Result<std::optional<Proxy>> Credentials::proxy() const {
  const auto url = TRY(parse_server_url(server(), "credentials"));
  return proxy_of_environment(url);
}

}  // namespace apitoken::kube
