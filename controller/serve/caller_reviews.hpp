// CallerReviews: finds whether the caller with a bearer token has a permission, by a TokenReview
// and a SubjectAccessReview, and remembers the verdict for a while. CallerAuthorization calls
// admit() on the HTTPS threads, which never wait, and runs the reviews on its own threads; renew()
// has a thread of its own. Memory and requests a second are bounded for any input: callers with bad
// tokens use up the budget of their own address, never the reserve that renews allowed callers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include "api/review.hpp"
#include "base/clock.hpp"
#include "base/failure_log.hpp"
#include "base/mutex.hpp"
#include "core/hash.hpp"
#include "kube/client.hpp"
#include "serve/credential.hpp"
#include "serve/review_budget.hpp"

namespace apitoken::serve {

// An RBAC permission that an endpoint demands of its callers.
struct Permission {
  std::string_view endpoint;  // for the log
  std::string_view text;      // "the verb introspect on apitokens.apitoken.dev"
  std::string (*access_review)(const api::UserInfo&);  // a SubjectAccessReview
};
// The verb `introspect` on apitokens.apitoken.dev in all namespaces.
extern const Permission kMayIntrospect;
// The verb `get` on the path /metrics.
extern const Permission kMayReadMetrics;

// The audiences that a caller's token may have. A token that names one of `names` is reviewed for
// these audiences; any other token for the API server's own audience, if that is accepted. Source:
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
struct CallerAudiences {
  std::vector<std::string> names{"apitoken-verify"};
  bool api_server_too = true;

  bool operator==(const CallerAudiences&) const = default;
};

class CallerReviews {
 public:
  enum class Verdict {
    Allowed,
    Forbidden,      // the API server knows the caller, who lacks the permission
    Unknown,        // the API server does not know the token, or the token has no valid form
    OtherAudience,  // by its own claims the token is for other audiences
    Unavailable,    // the API server cannot be reached, or the budget for reviews is used up
  };
  // Asks the API server; called at most once. Destroying it frees its place in the budget.
  using Review = std::function<Verdict(std::stop_token)>;

  static constexpr std::chrono::seconds kAllowedFor{30};
  static constexpr std::chrono::seconds kRenewAfter{20};  // at the next use after that
  static constexpr std::chrono::seconds kRenewAgainAfter{1};
  static constexpr std::chrono::seconds kRefusedFor{10};
  static constexpr std::size_t kMaxRemembered = 1024;  // allowed tokens; and as many refused ones
  static constexpr std::size_t kMaxProvenKeys = 64;

  CallerReviews(kube::Client& client, const Permission& permission, CallerAudiences audiences,
                const Clock& clock)
      : client_(client), permission_(permission), audiences_(std::move(audiences)), clock_(clock) {}

  const Permission& permission() const { return permission_; }
  const CallerAudiences& audiences() const { return audiences_; }

  // The verdict if it is known, else a review that finds it, paid from the budget of the address
  // `peer`. Any thread; does not wait.
  std::variant<Verdict, Review> admit(std::string_view token, std::string_view peer);
  // Reviews allowed callers again before their verdicts expire. Body of one thread; runs until
  // `stop`.
  void renew(std::stop_token stop);

 private:
  struct Allowed {
    SteadyTime until;
    SteadyTime renew_at;
    bool renewing = false;
  };
  struct Refused {
    Verdict verdict;
    SteadyTime until;
  };
  struct UnderReview {
    std::size_t waiting = 0;
    bool failed = false;  // the API server could not be reached; others must not try this token
  };
  struct FirstBytes {
    std::size_t operator()(const core::Sha256& digest) const;
  };
  template <typename T>
  using Memory = std::unordered_map<core::Sha256, T, FirstBytes>;
  struct Waiting;  // a review from its admission until it is freed

  Verdict review(const Waiting& waiting, std::stop_token stop);
  void renew_one(const SecretString& token, std::stop_token stop);
  Result<Verdict> ask(std::string_view token, const Credential& credential, std::stop_token stop);
  std::vector<std::string> audiences_for(const Credential& credential) const;
  bool is_for_others(const Credential& credential) const;
  void log_failure(const Result<Verdict>& verdict);
  std::optional<Verdict> recall(const core::Sha256& digest) REQUIRES(mutex_);
  bool pay(const core::Sha256& digest, const Credential& credential, std::string_view source)
      REQUIRES(mutex_);
  bool begin_renewal(const core::Sha256& digest) REQUIRES(mutex_);
  void remember(const core::Sha256& digest, const Credential& credential, Verdict verdict)
      REQUIRES(mutex_);

  kube::Client& client_;
  const Permission& permission_;
  const CallerAudiences audiences_;
  const Clock& clock_;
  FailureLog failure_log_{"cannot review callers", "reviewing callers again"};
  Mutex mutex_;
  std::condition_variable_any renewal_came_;
  Memory<Allowed> allowed_
      GUARDED_BY(mutex_);  // kept beyond `until`: the next review is paid from the reserve
  Memory<Refused> refused_
      GUARDED_BY(mutex_);  // apart, so that a flood of bad tokens displaces no allowed one
  Memory<UnderReview> under_review_ GUARDED_BY(mutex_);
  std::unordered_set<std::string> proven_keys_
      GUARDED_BY(mutex_);  // kids of JWTs that the API server accepted
  ReviewBudget budget_ GUARDED_BY(mutex_);
  std::deque<SecretString> renewals_ GUARDED_BY(mutex_);  // tokens to review again
};

}  // namespace apitoken::serve
