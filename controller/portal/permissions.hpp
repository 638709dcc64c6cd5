// Permissions: what one viewer may do, asked by SelfSubjectAccessReviews as the viewer and
// remembered for a while. Viewer owns one; workers and streams ask it, on their threads. Source:
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/
#pragma once

#include <map>
#include <span>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "portal/upstream.hpp"

namespace apitoken::portal {

struct Question {
  std::string verb;
  std::string group;
  std::string resource;
  std::string ns{};    // empty: all namespaces
  std::string name{};  // empty: any name

  auto operator<=>(const Question&) const = default;
};

struct Verdict {
  bool allowed = false;
  std::string reason{};  // the authorizer's; mostly empty
};

class Permissions {
 public:
  static constexpr std::size_t kInFlight = 16;
  static constexpr std::size_t kMaxRemembered = 8192;
  static constexpr Seconds kFresh{60};
  static constexpr Seconds kNamespacesFresh{300};

  Permissions(Upstream& upstream, const Clock& clock) : upstream_(upstream), clock_(clock) {}

  // One verdict a question. A verdict older than `max_age` is asked for again.
  Expected<std::vector<Verdict>> ask(std::span<const Question> questions, Seconds max_age,
                                     std::stop_token stop);
  Expected<Verdict> ask(const Question& question, Seconds max_age, std::stop_token stop);
  // Removes all verdicts: the API server said otherwise.
  void clear();

 private:
  struct Known {
    Verdict verdict;
    SteadyTime at;
  };

  std::optional<Verdict> recall(const Question& question, Seconds max_age);
  Expected<Verdict> review(const Question& question, const std::stop_token& stop);

  Upstream& upstream_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<Question, Known> known_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::portal
