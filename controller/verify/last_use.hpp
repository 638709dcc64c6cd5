// LastUse: remembers which tokens were used since their status last said so, and writes
// status.lastUsedAt while this replica leads: at most every ten minutes a token, at most twenty
// tokens a second, never while a request waits. The HTTPS threads call note(); run() is the body of
// one thread.
#pragma once

#include <condition_variable>
#include <stop_token>
#include <string>
#include <unordered_map>

#include "api/api_token.hpp"
#include "base/clock.hpp"
#include "base/failure_log.hpp"
#include "base/mutex.hpp"
#include "kube/client.hpp"
#include "kube/store.hpp"

namespace apitoken::verify {

class LastUse {
 public:
  static constexpr std::chrono::minutes kEvery{10};
  static constexpr std::chrono::milliseconds kPause{50};  // between two writes
  static constexpr std::chrono::seconds kRetryAfter{10};  // after a write that failed
  static constexpr std::size_t kMaxPending = 100'000;     // tokens; further uses are not noted

  LastUse(kube::Client& client, kube::Store<api::ApiToken>& store, const Clock& clock)
      : client_(client), store_(store), clock_(clock) {}

  // Any thread; quick. A follower keeps its notes until it leads.
  void note(const api::ApiToken& token, WallTime when);
  // Writes until `stop`.
  void run(std::stop_token stop);

  std::size_t pending() const;

 private:
  struct Use {
    api::ObjectKey key;
    WallTime when{};
  };

  // Writes one status. False if it must be tried again.
  bool write(const std::string& uid, const Use& use, std::stop_token stop);

  kube::Client& client_;
  kube::Store<api::ApiToken>& store_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::condition_variable_any noted_;
  std::unordered_map<std::string, Use> pending_ GUARDED_BY(mutex_);  // by uid
  FailureLog failure_log_{"cannot write when tokens were last used",
                          "writing again when tokens were last used"};
};

}  // namespace apitoken::verify
