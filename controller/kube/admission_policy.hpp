// ValidatingAdmissionPolicies and their bindings, as far as the operator and the plugin look at
// them. Pure; any thread. Source:
// https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
#pragma once

#include <string_view>

#include "api/json.hpp"
#include "kube/resource.hpp"

namespace apitoken::kube {

inline constexpr Resource kAdmissionPolicies{"admissionregistration.k8s.io", "v1",
                                             "validatingadmissionpolicies", false};
inline constexpr Resource kAdmissionPolicyBindings{"admissionregistration.k8s.io", "v1",
                                                   "validatingadmissionpolicybindings", false};

// Whether the binding refuses what `policy` does not allow. A binding of another policy does not,
// and neither does one that only warns or audits.
bool enforces(api::Json binding, std::string_view policy);

}  // namespace apitoken::kube
