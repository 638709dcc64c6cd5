// The names of users, groups and Secrets that no ApiToken may use.
#include "core/reserved_names.hpp"

#include <algorithm>
#include <array>

namespace apitoken::core {
namespace {

constexpr std::string_view kRobot = "robot:";

// Each domain includes its subdomains. crds/apitokens.yaml has the same list, in the rules for
// labels and for annotations.
constexpr std::array<std::string_view, 12> kDomains{
    "kubernetes.io",              // Kubernetes: service accounts, kubectl, in-tree controllers
    "k8s.io",                     // the same
    "x-k8s.io",                   // Kubernetes SIGs: Cluster API
    "helm.sh",                    // Helm: ownership of a release, hooks
    "argoproj.io",                // Argo CD: clusters, repositories, pruning
    "fluxcd.io",                  // Flux: pruning
    "cert-manager.io",            // cert-manager: injection of CAs, issuance
    "external-secrets.io",        // External Secrets: ownership of the value
    "sealedsecrets.bitnami.com",  // Sealed Secrets: ownership of the value
    "reflector.v1.k8s.emberstack.com",  // Reflector: copies into other namespaces
    "replicator.v1.mittwald.de",        // Replicator: the same
    "kubed.appscode.com",               // Config Syncer: the same
};
// Recommended labels: tools show and select by them, and no controller acts on them.
// Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
constexpr std::string_view kRecommended = "app.kubernetes.io/";
constexpr std::array<std::string_view, 2> kSecretNames{"bootstrap-token-", "sh.helm.release."};

bool is_of_domain(std::string_view key, std::string_view domain) {
  const auto slash = key.find('/');
  if (slash == key.npos) return false;
  const auto prefix = key.substr(0, slash);
  if (!prefix.ends_with(domain)) return false;
  return prefix.size() == domain.size() || prefix[prefix.size() - domain.size() - 1] == '.';
}

}  // namespace

bool ReservedNames::has_group(std::string_view group) const {
  return is_system_name(group) || std::ranges::find(groups, group) != groups.end();
}

bool ReservedNames::has_secret_metadata(std::string_view key, std::string_view value) const {
  if (key == "owner" && value == "helm") return true;  // Helm finds releases by it
  const auto matches = [key](std::string_view entry) {
    return entry.ends_with('/') ? is_of_domain(key, entry.substr(0, entry.size() - 1))
                                : key == entry;
  };
  if (std::ranges::any_of(secret_metadata, matches)) return true;
  if (key.starts_with(kRecommended)) return false;
  return std::ranges::any_of(kDomains,
                             [key](std::string_view domain) { return is_of_domain(key, domain); });
}

const ReservedNames& default_reserved_names() {
  static const ReservedNames names;
  return names;
}

bool is_system_name(std::string_view name) { return name.starts_with("system:"); }

bool is_reserved_secret_name(std::string_view name) {
  return std::ranges::any_of(kSecretNames,
                             [name](std::string_view prefix) { return name.starts_with(prefix); });
}

bool claims_to_be_robot(std::string_view user) { return user.starts_with(kRobot); }

bool is_robot_name(std::string_view user) {
  if (!claims_to_be_robot(user)) return false;
  const auto rest = user.substr(kRobot.size());
  const auto colon = rest.find(':');
  return colon != rest.npos && colon > 0 && colon + 1 < rest.size();
}

bool is_robot_of(std::string_view user, std::string_view ns) {
  return is_robot_name(user) && user.substr(kRobot.size()).starts_with(ns) &&
         user[kRobot.size() + ns.size()] == ':';
}

}  // namespace apitoken::core
