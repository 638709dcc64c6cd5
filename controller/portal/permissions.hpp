// Permissions: what one viewer may do, asked with the viewer's credentials and remembered for a
// while. Viewer owns one; workers and streams ask it, on their threads. It never decides: a wrong
// verdict shows or hides a control. One SelfSubjectRulesReview answers all questions about a
// namespace. If the rules cannot answer a question, because an authorizer cannot list them, one
// SelfSubjectAccessReview does. Source: https://kubernetes.io/docs/reference/access-authn-
// authz/authorization/
#pragma once

#include <future>
#include <map>
#include <span>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "portal/access_rules.hpp"
#include "portal/upstream.hpp"

namespace apitoken::portal {

struct Verdict {
  bool allowed = false;
  std::string reason{};  // the authorizer's; mostly empty
};

class Permissions {
 public:
  static constexpr std::size_t kInFlight = 16;
  static constexpr std::size_t kMaxRemembered = 8192;
  static constexpr std::size_t kMaxRules = 64;  // namespaces whose rules are remembered
  // Questions about more namespaces get one SelfSubjectAccessReview each: these run several at a
  // time, and the rules of a namespace cost the API server more than one verdict.
  static constexpr std::size_t kMaxRulesOfCall = 4;
  static constexpr Seconds kFresh{60};
  static constexpr Seconds kNamespacesFresh{300};

  Permissions(Upstream& upstream, const Clock& clock) : upstream_(upstream), clock_(clock) {}

  // One verdict a question. A verdict older than `max_age` is asked for again.
  Expected<std::vector<Verdict>> ask(std::span<const Question> questions, Seconds max_age,
                                     std::stop_token stop);
  Expected<Verdict> ask(const Question& question, Seconds max_age, std::stop_token stop);
  // Removes all remembered verdicts, because the API server contradicted one.
  void clear();

 private:
  struct Known {
    Verdict verdict;
    SteadyTime at;
  };
  struct KnownRules {
    AccessRules rules;
    SteadyTime at;
  };
  using Open = std::vector<std::size_t>;  // indices of questions without a verdict

  // Fills in the remembered verdicts.
  Open recall(std::span<const Question> questions, Seconds max_age, std::span<Verdict> verdicts);
  std::optional<Verdict> recall_one(const Question& question, Seconds max_age) REQUIRES(mutex_);
  const AccessRules* recall_rules(const std::string& ns, Seconds max_age) REQUIRES(mutex_);
  // Reads and remembers the rules of a namespace. Threads that want the same rules at the same time
  // share one review.
  Expected<void> read_rules(const std::string& ns, Seconds max_age, const std::stop_token& stop);
  Expected<void> review_rules(const std::string& ns, const std::stop_token& stop);
  Expected<Verdict> review(const Question& question, const std::stop_token& stop);
  Expected<void> review_all(std::span<const Question> questions, const Open& open,
                            std::span<Verdict> verdicts, const std::stop_token& stop);

  Upstream& upstream_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<Question, Known> known_ GUARDED_BY(mutex_);
  std::map<std::string, KnownRules> rules_ GUARDED_BY(mutex_);  // "": of the whole cluster
  // Reviews under way, by namespace; true: the rules are remembered.
  std::map<std::string, std::shared_future<bool>> reading_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::portal
