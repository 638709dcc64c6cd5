// CallerReviews: may whoever presents this bearer token do what the endpoint asks for? Asks the API
// server (TokenReview, then SubjectAccessReview) and remembers the answer for a while. The
// endpoints ask on the HTTPS threads, which never wait; reviews run on the threads that may,
// renewals on a thread of their own. Bounded in memory and in calls a second, whatever is
// presented: strangers use up the budget of their own address, and never what renews the known
// callers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include "api/review.hpp"
#include "base/clock.hpp"
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
extern const Permission
    kMayIntrospect;  // the verb `introspect` on apitokens.apitoken.dev in all namespaces
extern const Permission kMayReadMetrics;  // the verb `get` on the path /metrics

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
  void log_failing(const Result<Verdict>& verdict);
  // The callers of these hold mutex_.
  std::optional<Verdict> recall(const core::Sha256& digest);
  bool pay(const core::Sha256& digest, const Credential& credential, std::string_view source);
  bool begin_renewal(const core::Sha256& digest);
  void remember(const core::Sha256& digest, const Credential& credential, Verdict verdict);

  kube::Client& client_;
  const Permission& permission_;
  const CallerAudiences audiences_;
  const Clock& clock_;
  std::atomic<bool> failing_ = false;  // the last review failed; logged when this changes
  std::mutex mutex_;
  std::condition_variable_any renewal_came_;
  // All below are guarded by mutex_.
  Memory<Allowed> allowed_;  // kept beyond `until`: the next review is paid from the reserve
  Memory<Refused> refused_;  // apart, so that a flood of bad tokens displaces no allowed one
  Memory<UnderReview> under_review_;
  std::unordered_set<std::string> proven_keys_;  // kids of JWTs that the API server accepted
  ReviewBudget budget_;
  std::deque<SecretString> renewals_;  // tokens to review again
};

}  // namespace apitoken::serve
