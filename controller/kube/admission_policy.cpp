// Reads the binding of a ValidatingAdmissionPolicy.
#include "kube/admission_policy.hpp"

#include <algorithm>

namespace apitoken::kube {

bool enforces(api::Json binding, std::string_view policy) {
  const auto spec = api::member(binding, "spec");
  if (!spec || api::read_string(*spec, "policyName", "") != policy) return false;
  const auto actions = api::read_string_list(*spec, "validationActions", "");
  return std::ranges::find(actions, "Deny") != actions.end();
}

}  // namespace apitoken::kube
