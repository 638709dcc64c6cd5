// Credentials: the API server's address, and the certificate or token that authenticates us. They
// come from a kubeconfig or from a pod's service account. The transport calls tls() for each
// connection and bearer_token() for each request, so that rotated files are picked up.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

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
};

}  // namespace apitoken::kube
