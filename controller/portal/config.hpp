// The settings of apitoken-portal, from flags in Go's syntax. main() reads them once; they are
// plain values afterwards.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <vector>

#include "portal/session_door.hpp"
#include "program/server.hpp"

namespace apitoken::portal {

struct Config : ServerSettings {
  std::string bind_address = ":8444";
  std::string tls_cert_file;   // empty: a certificate is made for the run
  std::string tls_key_file;    // with it
  bool plain_http = false;     // on loopback alone
  std::string kube_apiserver;  // empty: the one of the cluster that this pod runs in
  std::string kube_ca_file;    // empty: the service account's, or the system's
  SignInWays ways{.token = true};
  std::string public_url;  // without a slash at the end; empty: any name that leads here
  std::string oidc_issuer;
  std::string oidc_client_id;
  std::string oidc_client_secret_file;  // empty: a public client
  std::string oidc_ca_file;             // empty: the system's
  std::string oidc_scopes = "openid email groups offline_access";
  SessionLimits limits;
  bool discover_namespaces = false;
  std::vector<std::string> home_namespaces;
  std::string cluster_name;
  bool temporary_token = true;
  std::string portal_assets;  // empty: those in the program
};

// `arguments` without the program's name. The error is one line for the user: which flag, which
// value, what is allowed.
std::expected<Config, std::string> parse_flags(std::span<const char* const> arguments);
std::string help_text();

}  // namespace apitoken::portal
