// ReservedNames: names that no ApiToken may use, because Kubernetes or another controller acts on
// them: users and groups, and the labels, annotations and names of Secrets. The built-in part
// stands in the CRD's rules as well, and tests/reserved_names.yaml holds both to one table.
// check_token and the Verifier ask. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace apitoken::core {

struct ReservedNames {
  // Groups beside system:…, from --reserved-groups.
  std::vector<std::string> groups{"kubeadm:cluster-admins"};
  // Keys of labels and annotations beside the built-in ones, from --reserved-secret-metadata: a key
  // as it is, or a domain with a slash at its end, which stands for its subdomains too.
  std::vector<std::string> secret_metadata;

  bool has_group(std::string_view group) const;
  // Whether a label or annotation on a Secret, with that value, makes another controller act on the
  // Secret.
  bool has_secret_metadata(std::string_view key, std::string_view value) const;

  bool operator==(const ReservedNames&) const = default;
};

// What is reserved without flags.
const ReservedNames& default_reserved_names();

// "system:…": Kubernetes' own users and groups.
bool is_system_name(std::string_view name);
// "bootstrap-token-…" and "sh.helm.release.…": Secrets that Kubernetes and Helm know by their
// names.
bool is_reserved_secret_name(std::string_view name);

// A robot is a machine of one namespace: "robot:<namespace>:<name>".
bool claims_to_be_robot(std::string_view user);  // "robot:…", whatever follows
bool is_robot_name(std::string_view user);       // with a namespace and a name
bool is_robot_of(std::string_view user, std::string_view ns);

}  // namespace apitoken::core
