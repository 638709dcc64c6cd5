// Credentials: the API server's address, and the certificate or token that authenticates us. They
// come from a kubeconfig or from a pod's service account. The transport calls tls() for each
// connection and bearer_token() for each request, so that rotated files are picked up.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"
#include "kube/proxy.hpp"

namespace apitoken::kube {

// The default clock of credentials. It has no state.
inline const SystemClock kSystemClock;

// What one new TLS connection needs, all PEM.
struct TlsMaterial {
  std::string ca;           // empty: the system's CAs
  std::string certificate;  // client certificate chain; empty: none
  SecretString key;         // its private key
  bool insecure = false;    // insecure-skip-tls-verify of the kubeconfig
  // The name that the server's certificate must have: tls-server-name, else the URL's host.
  std::string server_name;
};

// The user as whom each request is made, if the credentials' own user may impersonate: as, as-uid,
// as-groups and as-user-extra of a kubeconfig. Contract:
// https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
struct Impersonation {
  std::string user;  // empty: nobody else
  std::string uid{};
  std::vector<std::string> groups{};
  std::vector<std::pair<std::string, std::string>> extra{};  // a key may occur several times
};

class Credentials {
 public:
  virtual ~Credentials() = default;
  // "https://host:port", with the kubeconfig's path prefix if it has one, without a trailing slash.
  virtual const std::string& server() const = 0;
  // The namespace of the current context or of the service account, else "default".
  virtual const std::string& default_namespace() const = 0;
  // Errors: Unauthorized, naming the file or plugin, the reason and the remedy. Any thread.
  virtual Result<TlsMaterial> tls() = 0;
  // The bearer token for the next request; empty if these credentials have none. Any thread; may
  // run an exec plugin.
  virtual Result<std::optional<SecretString>> bearer_token() = 0;
  // Called after a 401: drops a cached token or plugin answer.
  virtual void reject() = 0;
  // "user:password" for HTTP basic authentication, if there is no bearer token; empty: none.
  virtual std::string_view basic_login() const { return {}; }
  // The proxy to the API server; none: connect directly. By default that of the environment. The
  // transport asks once. Errors: Invalid, naming field or variable and the remedy.
  virtual Result<std::optional<Proxy>> proxy() const;

  // All requests are made as this user. Call it before the first request.
  void act_as(Impersonation other) { impersonation_ = std::move(other); }
  const Impersonation& impersonation() const { return impersonation_; }

 private:
  Impersonation impersonation_;
};

}  // namespace apitoken::kube
