// ReservedNames: users, groups, and labels, annotations and names of Secrets that no ApiToken may
// use, because Kubernetes or another controller acts on them. The CRD's rules have the built-in
// names too; tests/rules/reserved_names.yaml checks both. Used by check_token() and the Verifier.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace apitoken::core {

struct ReservedNames {
  // Groups besides "system:…", from --reserved-groups.
  std::vector<std::string> groups{"kubeadm:cluster-admins"};
  // Keys of labels and annotations besides the built-in ones, from --reserved-secret-metadata: a
  // full key, or a domain with a slash at its end, which includes its subdomains.
  std::vector<std::string> secret_metadata;

  bool has_group(std::string_view group) const;
  // A label or annotation `key` with this value makes another controller act on the Secret.
  bool has_secret_metadata(std::string_view key, std::string_view value) const;

  bool operator==(const ReservedNames&) const = default;
};

// The names that are reserved without flags.
const ReservedNames& default_reserved_names();

// "system:…": a user or group of Kubernetes.
bool is_system_name(std::string_view name);
// "bootstrap-token-…" or "sh.helm.release.…": Kubernetes and Helm find Secrets by these names.
bool is_reserved_secret_name(std::string_view name);

// A robot is a machine of one namespace: "robot:<namespace>:<name>".
bool claims_to_be_robot(std::string_view user);  // "robot:" and any text
bool is_robot_name(std::string_view user);       // with a namespace and a name
bool is_robot_of(std::string_view user, std::string_view ns);

}  // namespace apitoken::core
