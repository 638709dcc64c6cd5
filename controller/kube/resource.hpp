// Resource: group, version and plural of one kind of object, and the paths to its objects. Pure;
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "api/names.hpp"

namespace apitoken::kube {

struct Resource {
  std::string_view group;  // empty: the core group
  std::string_view version;
  std::string_view plural;
  bool namespaced;
};

namespace resources {
inline constexpr Resource kApiTokens{api::kGroup, api::kVersion, "apitokens", true};
inline constexpr Resource kTokenExpiryConfigs{api::kGroup, api::kVersion, "tokenexpiryconfigs",
                                              false};
inline constexpr Resource kSecrets{"", "v1", "secrets", true};
inline constexpr Resource kNamespaces{"", "v1", "namespaces", false};
inline constexpr Resource kEvents{"events.k8s.io", "v1", "events", true};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", true};
inline constexpr Resource kTokenReviews{"authentication.k8s.io", "v1", "tokenreviews", false};
inline constexpr Resource kSubjectAccessReviews{"authorization.k8s.io", "v1",
                                                "subjectaccessreviews", false};
}  // namespace resources

// "/apis/apitoken.dev/v1alpha1/namespaces/team-a/apitokens/ci/status". Without a name: the path of
// the collection; without a namespace: that of all namespaces.
std::string path_of(const Resource& resource, std::string_view ns, std::string_view name = "",
                    std::string_view subresource = "");

// The resource as RBAC and kubectl write it: "secrets", "apitokens.apitoken.dev".
std::string name_of(const Resource& resource);

// Escapes all but the unreserved characters of RFC 3986, for path segments and query values.
std::string percent_encode(std::string_view text);

}  // namespace apitoken::kube
