// The program's settings, from flags in Go's syntax, which users of kubebuilder operators know.
// main() parses them once; then they are plain values.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "core/notices.hpp"
#include "program/server.hpp"

namespace apitoken {

struct Config : ServerSettings {
  std::optional<std::string> kubeconfig;  // absent: see kube::find_credentials()
  bool metrics_secure = false;            // HTTPS, for callers who may get /metrics
  // "0": none; absent: :8443, or none if that is taken (replicas on one machine).
  std::optional<std::string> verify_bind_address;
  std::string verify_tls_cert_file;           // empty: a certificate is made for the run
  std::string verify_tls_key_file;            // empty if and only if the certificate is
  std::string verify_client_ca_file;          // empty: callers cannot authenticate by certificate
  std::vector<std::string> caller_audiences;  // empty: the defaults of serve::CallerAudiences
  // The flag's, else $POD_NAMESPACE; absent: the credentials' own.
  std::optional<std::string> operator_namespace;
  std::vector<std::string> namespaces;  // sorted, without duplicates; empty: all
  // In addition to system:…; absent: the default of core::ReservedNames.
  std::optional<std::vector<std::string>> reserved_groups;
  std::vector<std::string> reserved_secret_metadata;  // in addition to the built-in names
  int workers = 8;
  bool leader_elect = false;
  std::optional<std::string> issuer;  // claim iss of JWTs; absent: by the operator's namespace
  Seconds jwt_key_rotation{std::chrono::hours(720)};
  // The largest difference between this machine's clock and the API server's.
  Seconds clock_tolerance{std::chrono::minutes(5)};
  core::Installation installation;  // how mails and Events name and link this cluster
  bool per_token_metrics = true;
  bool dry_run = false;

  bool operator==(const Config&) const = default;
};

// Parses `arguments`, which do not include the program's name. The error is one line for the user:
// flag, value and allowed values.
std::expected<Config, std::string> parse_flags(std::span<const char* const> arguments);
std::string help_text();

}  // namespace apitoken
