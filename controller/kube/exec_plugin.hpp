// ExecPlugin: a credential plugin of a kubeconfig (client.authentication.k8s.io/v1 and v1beta1),
// that is a program that prints a token or a client certificate. It runs if there is no answer yet,
// or the last one has expired or was refused. One run serves all threads that wait. Contract:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::kube {

struct ExecPluginSettings {
  std::string api_version;  // "client.authentication.k8s.io/v1"
  std::string command;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string install_hint;
  std::string cluster;    // JSON of spec.cluster; empty without provideClusterInfo
  std::string user;       // name of the kubeconfig's user entry, for messages
  bool terminal = false;  // it may ask the person at the terminal, and show what it writes
  std::chrono::milliseconds timeout = std::chrono::seconds(30);  // without a terminal
};

struct ExecCredential {
  SecretString token;       // empty: a certificate only
  std::string certificate;  // PEM; empty: a token only
  SecretString key;         // PEM
  std::optional<WallTime> expires_at;
};

class ExecPlugin {
 public:
  ExecPlugin(ExecPluginSettings settings, const Clock& clock)
      : settings_(std::move(settings)), clock_(clock) {}

  // Any thread; may wait for the program to end. Errors: Unauthorized, naming user entry and
  // program, with the last line of its standard error.
  Result<std::shared_ptr<const ExecCredential>> credential();
  // Drops the answer, which the server refused; the next call runs the program.
  void drop();

 private:
  Result<std::shared_ptr<const ExecCredential>> run() const;
  bool usable() const REQUIRES(mutex_);

  const ExecPluginSettings settings_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::condition_variable_any ended_;
  bool running_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<const ExecCredential> answer_ GUARDED_BY(mutex_);
};

// Decodes the plugin's output. Errors: Unauthorized, saying what is wrong; never with the content.
Result<ExecCredential> decode_exec_credential(std::string_view output,
                                              std::string_view api_version);

}  // namespace apitoken::kube
