// AccessRules: what one viewer may do in one namespace, as the API server lists it in the answer to
// a SelfSubjectRulesReview. Permissions reads and keeps them. Values; any thread. Source:
// https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-rules-review-v1/
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.hpp"

namespace apitoken::portal {

struct Question {
  std::string verb;
  std::string group;
  std::string resource;
  std::string ns{};    // empty: all namespaces
  std::string name{};  // empty: any name

  auto operator<=>(const Question&) const = default;
};

// Names of namespaces have no dots, so no object can be in this namespace: its rules are those that
// apply to the whole cluster.
inline constexpr std::string_view kWholeCluster = "the.whole.cluster";

class AccessRules {
 public:
  enum class Answer { Yes, No, Unknown };

  // Without rules and incomplete: each answer is Unknown.
  AccessRules() = default;
  // Reads a SelfSubjectRulesReview.
  explicit AccessRules(api::Json review);

  // The namespace of the question does not count: the caller has the rules of that namespace.
  // Unknown: no rule allows it, and the API server did not list all rules.
  Answer answer(const Question& question) const;

 private:
  struct Rule {
    std::vector<std::string> verbs;
    std::vector<std::string> groups;
    std::vector<std::string> resources;
    std::vector<std::string> names;  // empty: objects of any name
  };

  static bool allows(const Rule& rule, const Question& question);

  std::vector<Rule> rules_;
  bool complete_ = false;
};

}  // namespace apitoken::portal
