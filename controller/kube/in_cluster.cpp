// A service account's files as credentials.
#include "kube/in_cluster.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "kube/read_file.hpp"
#include "kube/server_url.hpp"
#include "kube/token_file.hpp"

namespace apitoken::kube {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

class InClusterCredentials final : public Credentials {
 public:
  InClusterCredentials(ServerUrl server, const std::string& folder, std::string name_space,
                       const Clock& clock)
      : server_(std::move(server)),
        namespace_(std::move(name_space)),
        ca_path_(folder + "/ca.crt"),
        token_(folder + "/token", clock) {}

  const std::string& server() const override { return server_.text; }
  const std::string& default_namespace() const override { return namespace_; }

  Result<TlsMaterial> tls() override {
    std::string ca = TRY(read_file(ca_path_));
    // An empty CA would select the system's CAs.
    if (ca.empty())
      return fail(ErrorKind::Unauthorized,
                  fmt::format("{} is empty; it must hold the cluster's CA", ca_path_));
    TlsMaterial material;
    material.ca = std::move(ca);
    material.server_name = server_.host;
    return material;
  }

  Result<std::optional<SecretString>> bearer_token() override { return TRY(token_.token()); }

  void reject() override { token_.drop(); }

 private:
  const ServerUrl server_;
  const std::string namespace_;
  const std::string ca_path_;
  TokenFile token_;
};

}  // namespace

bool in_cluster() { return !environment("KUBERNETES_SERVICE_HOST").empty(); }

Result<ServerUrl> in_cluster_server() {
  std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return fail(ErrorKind::Invalid,
                "KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is not set: this is no pod; "
                "use --kubeconfig");
  }
  if (host.find(':') != host.npos) host = kApiServerName;
  return parse_server_url(fmt::format("https://{}:{}", host, port),
                          "KUBERNETES_SERVICE_HOST and _PORT");
}

Result<std::unique_ptr<Credentials>> in_cluster_credentials(const std::string& folder,
                                                            const Clock& clock) {
  ServerUrl server = TRY(in_cluster_server());

  // As client-go: $POD_NAMESPACE precedes the file.
  std::string name_space = environment("POD_NAMESPACE");
  if (name_space.empty()) name_space = read_file(folder + "/namespace").value_or("");
  name_space.resize(name_space.find_last_not_of(" \t\r\n") + 1);
  if (name_space.empty()) name_space = "default";
  auto credentials = std::make_unique<InClusterCredentials>(std::move(server), folder,
                                                            std::move(name_space), clock);

  TRY(credentials->proxy());
  Result<std::optional<SecretString>> token = credentials->bearer_token();
  const Result<TlsMaterial> tls = credentials->tls();
  if (!token || !tls) {
    return fail(ErrorKind::Unauthorized,
                fmt::format("{}; check that automountServiceAccountToken of the pod and its "
                            "service account is not false",
                            (!token ? token.error() : tls.error()).message));
  }
  return credentials;
}

}  // namespace apitoken::kube
