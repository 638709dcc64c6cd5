// Credentials: where the API server is and how we show who we are. Read from a kubeconfig or from a
// pod's service account; asked anew by the transport for each connection (TLS) and each request
// (token), so that rotated files are picked up.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::kube {

// What credentials tell the time by where nobody gives them another clock. It has no state.
inline const SystemClock kSystemClock;

// What one new TLS connection needs, all PEM.
struct TlsMaterial {
  std::string ca;           // empty: the system's CAs
  std::string certificate;  // client certificate chain; empty: none
  SecretString key;         // its private key
  bool insecure = false;    // the kubeconfig says insecure-skip-tls-verify
  std::string server_name;  // the name to check the server's certificate against: tls-server-name,
                            // else the URL's host
};

class Credentials {
 public:
  virtual ~Credentials() = default;
  // "https://host:port", with a path prefix where the kubeconfig has one; without a trailing slash.
  virtual const std::string& server() const = 0;
  // The namespace of the current context or of the service account; "default" where neither names
  // one.
  virtual const std::string& default_namespace() const = 0;
  // Errors: Unauthorized, naming the file or plugin, the reason and the remedy. Any thread.
  virtual Result<TlsMaterial> tls() = 0;
  // The bearer token for the next request; nothing where there is none. Any thread; may run an exec
  // plugin.
  virtual Result<std::optional<SecretString>> bearer_token() = 0;
  // The server answered 401: a cached token or plugin answer is dropped.
  virtual void reject() = 0;
};

}  // namespace apitoken::kube
