// Reads the policy's binding and logs changes.
#include "reconcile/mint_policy.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/sleep.hpp"
#include "base/thread_name.hpp"
#include "kube/admission_policy.hpp"

namespace apitoken::reconcile {

void MintPolicy::run(std::stop_token stop) {
  name_thread("mint policy");
  while (!stop.stop_requested()) {
    const auto finding = look(stop);
    if (finding) note(*finding);
    sleep_until(
        clock_, stop,
        clock_.steady() + (finding ? SteadyDuration(kInterval) : SteadyDuration(kRetryAfter)));
  }
}

// Reads both objects in any case, so that a missing permission shows even if the policy is missing.
std::optional<MintPolicy::Finding> MintPolicy::look(std::stop_token stop) {
  const api::ObjectKey key{"", std::string(kName)};
  const auto policy = client_.get(kube::kAdmissionPolicies, key, stop, kube::kMetadataAccept);
  const auto binding = client_.get(kube::kAdmissionPolicyBindings, key, stop);
  if (!policy) return describe_failure(policy.error());
  if (!binding) return describe_failure(binding.error());
  api::JsonParser parser;
  const auto object = parser.parse(*binding);
  if (!object) return {};
  if (kube::enforces(*object, kName)) return Finding{State::Present, ""};
  return Finding{State::Absent,
                 fmt::format("ValidatingAdmissionPolicyBinding {} does not bind policy {} with "
                             "validationActions Deny",
                             kName, kName)};
}

std::optional<MintPolicy::Finding> MintPolicy::describe_failure(const Error& error) const {
  if (error.kind == ErrorKind::NotFound) return Finding{State::Absent, error.message};
  if (error.kind == ErrorKind::Forbidden) return Finding{State::Unknown, error.message};
  return {};
}

void MintPolicy::note(const Finding& finding) {
  if (finding.state == state_) return;
  switch (finding.state) {
    case State::Absent:
      log::error(
          "the mint policy is not in force: everybody who may create ApiTokens is given tokens for "
          "any user and group; apply manifests/policy, see docs/who-may-mint.md",
          {{"policy", kName}, {"cause", finding.why}});
      break;
    case State::Unknown:
      log::warn("cannot see whether the mint policy is in force; apply manifests/rbac",
                {{"policy", kName}, {"error", finding.why}});
      break;
    case State::Present:
      if (state_) log::info("the mint policy is in force again", {{"policy", kName}});
      break;
  }
  state_ = finding.state;
  on_change_(finding.state);
}

}  // namespace apitoken::reconcile
