// Matches and checks label selectors.
#include "core/selector.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/dns_name.hpp"
#include "core/plain_text.hpp"

namespace apitoken::core {
namespace {

bool matches(const api::LabelRequirement& requirement, const api::StringMap& labels) {
  const auto found = labels.find(requirement.key);
  const bool present = found != labels.end();
  const auto listed = [&] {
    return std::ranges::find(requirement.values, found->second) != requirement.values.end();
  };
  if (requirement.op == "In") return present && listed();
  if (requirement.op == "NotIn") return !present || !listed();
  if (requirement.op == "Exists") return present;
  if (requirement.op == "DoesNotExist") return !present;
  return false;
}

}  // namespace

bool matches(const api::LabelSelector& selector, const api::StringMap& labels) {
  for (const auto& [name, value] : selector.match_labels) {
    const auto found = labels.find(name);
    if (found == labels.end() || found->second != value) return false;
  }
  return std::ranges::all_of(
      selector.match_expressions,
      [&](const api::LabelRequirement& requirement) { return matches(requirement, labels); });
}

api::Problems check_selector(const api::LabelSelector& selector, std::string_view path) {
  api::Problems problems;
  for (const api::LabelRequirement& requirement : selector.match_expressions) {
    const bool takes_values = requirement.op == "In" || requirement.op == "NotIn";
    const bool takes_none = requirement.op == "Exists" || requirement.op == "DoesNotExist";
    const auto where = fmt::format("{}.matchExpressions[{}]", path, requirement.key);
    if (!is_label_name(requirement.key)) {
      problems.push_back(
          fmt::format("{}: \"{}\" is not a label's name; write one like team or "
                      "example.com/team",
                      where, cut_text(plain_text(requirement.key), 64)));
    } else if (!takes_values && !takes_none) {
      problems.push_back(
          fmt::format("{}: operator \"{}\" does not exist; use In, NotIn, Exists or DoesNotExist",
                      where, requirement.op));
    } else if (takes_values && requirement.values.empty()) {
      problems.push_back(fmt::format("{}: operator {} needs values", where, requirement.op));
    } else if (takes_none && !requirement.values.empty()) {
      problems.push_back(fmt::format("{}: operator {} takes no values", where, requirement.op));
    }
  }
  return problems;
}

}  // namespace apitoken::core
