// The program's settings, from flags in Go's syntax as users of kubebuilder operators know them.
// main reads them once; they are plain values afterwards.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "core/notices.hpp"
#include "program/log.hpp"

namespace apitoken {

struct Config {
  std::optional<std::string>
      kubeconfig;  // absent: $KUBECONFIG, in-cluster, ~/.kube/config are for app to try
  std::string metrics_bind_address = ":8080";       // "0": none
  bool metrics_secure = false;                      // over HTTPS, for callers who may get /metrics
  std::string health_probe_bind_address = ":8081";  // "0": none
  // "0": none; absent: :8443, or none where that is taken (replicas on one machine).
  std::optional<std::string> verify_bind_address;
  std::string verify_tls_cert_file;           // empty: a certificate is made for the run
  std::string verify_tls_key_file;            // with it
  std::string verify_client_ca_file;          // empty: no caller is known by certificate
  std::vector<std::string> caller_audiences;  // of callers' tokens; empty: as CallerAudiences says
  std::optional<std::string>
      operator_namespace;               // flag, else $POD_NAMESPACE; absent: the credentials' own
  std::vector<std::string> namespaces;  // sorted, each once; empty: all
  std::optional<std::vector<std::string>>
      reserved_groups;  // beside system:…; absent: see core::ReservedNames
  std::vector<std::string> reserved_secret_metadata;  // beside the built-in ones
  int workers = 8;
  bool leader_elect = false;
  std::optional<std::string> issuer;  // claim iss of JWTs; absent: by the operator's namespace
  Seconds jwt_key_rotation{std::chrono::hours(720)};
  Seconds clock_tolerance{
      std::chrono::minutes(5)};     // between this machine's clock and the API server's
  core::Installation installation;  // how mails and Events name and link this cluster
  LogLevel log_level = LogLevel::Info;
  LogFormat log_format = LogFormat::Text;
  bool per_token_metrics = true;
  bool dry_run = false;
  bool version = false;
  bool help = false;

  bool operator==(const Config&) const = default;
};

// `arguments` without the program's name. The error is one line for the user: which flag, which
// value, what is allowed.
std::expected<Config, std::string> parse_flags(std::span<const char* const> arguments);
std::string help_text();

}  // namespace apitoken
