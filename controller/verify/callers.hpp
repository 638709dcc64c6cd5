// Callers: may whoever presents this bearer token do what the endpoint asks for? Asks the API server (TokenReview, then
// SubjectAccessReview) and remembers the answer for a while. The endpoints ask what is known on the HTTPS threads, and
// let it be reviewed on those that may wait. Bounded in memory and in calls a second, whatever is presented.
#pragma once

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "api/review.hpp"
#include "base/clock.hpp"
#include "core/hash.hpp"
#include "kube/client.hpp"

namespace apitoken::verify {

// What a caller must be allowed to do, by RBAC.
struct Right {
  std::string_view endpoint;                      // for the log
  std::string_view text;                          // "the verb introspect on apitokens.apitoken.dev"
  std::string (*question)(const api::UserInfo&);  // a SubjectAccessReview
};
extern const Right kMayIntrospect;   // the verb `introspect` on apitokens.apitoken.dev in all namespaces
extern const Right kMayReadMetrics;  // the verb `get` on the path /metrics

class Callers {
 public:
  enum class Verdict {
    Allowed,
    Forbidden,    // the API server knows the caller, who lacks the right
    Unknown,      // the API server does not know the token
    Unavailable,  // it could not be asked, or too often already
  };

  static constexpr std::chrono::seconds kAllowedFor{30};
  static constexpr std::chrono::seconds kRefusedFor{10};
  static constexpr std::size_t kMostRemembered = 1024;  // of each kind
  static constexpr double kReviewsPerSecond = 10;
  static constexpr double kBurst = 20;

  Callers(kube::Client& client, const Right& right, const Clock& clock)
      : client_(client), right_(right), clock_(clock) {}

  const Right& right() const { return right_; }

  // Without waiting: nothing where it has to be reviewed.
  std::optional<Verdict> known(std::string_view token);
  // Asks the API server unless it is known by now.
  Verdict review(std::string_view token, std::stop_token stop);

 private:
  struct Entry {
    Verdict verdict;
    SteadyTime until;
  };
  struct FirstBytes {
    std::size_t operator()(const core::Digest& digest) const;
  };
  using Memory = std::unordered_map<core::Digest, Entry, FirstBytes>;

  Result<Verdict> ask(std::string_view token, std::stop_token stop);
  // The callers of these hold mutex_.
  std::optional<Verdict> recall(const core::Digest& digest);
  bool may_ask();
  void remember(const core::Digest& digest, Verdict verdict);

  kube::Client& client_;
  const Right& right_;
  const Clock& clock_;
  std::atomic<bool> failing_ = false;  // the last review did; told when it begins and when it is over
  std::mutex mutex_;
  Memory allowed_;          // guarded by mutex_
  Memory refused_;          // guarded by mutex_; apart, so that a flood of bad tokens displaces no good one
  double budget_ = kBurst;  // reviews that may be asked for now; guarded by mutex_
  SteadyTime counted_{};    // when budget_ was brought up to date; guarded by mutex_
};

}  // namespace apitoken::verify
