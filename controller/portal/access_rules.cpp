// Matches questions as RBAC does. Source:
// https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/rbac/v1/evaluation_helpers.go
#include "portal/access_rules.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace apitoken::portal {
namespace {

constexpr std::string_view kAny = "*";
// The resources that the portal asks about. Rules for other resources are dropped, because a person
// may have thousands.
constexpr std::array<std::string_view, 5> kResources{"apitokens", "events", "secrets",
                                                     "tokenexpiryconfigs", "users"};

bool is_kept(const std::string& resource) {
  return resource == kAny || std::ranges::find(kResources, resource) != kResources.end();
}

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::ranges::any_of(list,
                             [&](const std::string& one) { return one == kAny || one == wanted; });
}

}  // namespace

AccessRules::AccessRules(api::Json review) {
  const auto status = api::member(review, "status");
  if (!status) return;
  complete_ = !api::read_bool(*status, "incomplete", "").value_or(true) &&
              api::read_string(*status, "evaluationError", "").value_or("").empty();
  for (const api::Json one : api::read_array(*status, "resourceRules")) {
    Rule rule{api::read_string_list(one, "verbs", ""), api::read_string_list(one, "apiGroups", ""),
              api::read_string_list(one, "resources", ""),
              api::read_string_list(one, "resourceNames", "")};
    std::erase_if(rule.resources, std::not_fn(is_kept));
    if (!rule.resources.empty()) rules_.push_back(std::move(rule));
  }
}

bool AccessRules::allows(const Rule& rule, const Question& question) {
  const bool named =
      rule.names.empty() || std::ranges::find(rule.names, question.name) != rule.names.end();
  return named && contains(rule.verbs, question.verb) && contains(rule.groups, question.group) &&
         contains(rule.resources, question.resource);
}

AccessRules::Answer AccessRules::answer(const Question& question) const {
  if (!is_kept(question.resource)) return Answer::Unknown;
  if (std::ranges::any_of(rules_, [&](const Rule& rule) { return allows(rule, question); }))
    return Answer::Yes;
  return complete_ ? Answer::No : Answer::Unknown;
}

}  // namespace apitoken::portal
