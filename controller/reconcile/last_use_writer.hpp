// LastUseWriter: writes status.lastUsedAt of the tokens that verify::UsedTokens has noted: at most
// every ten minutes a token, at most twenty tokens a second. run() is the body of one thread while
// this replica leads. It writes no other field.
#pragma once

#include <stop_token>

#include "base/clock.hpp"
#include "base/failure_log.hpp"
#include "kube/client.hpp"
#include "kube/store.hpp"
#include "verify/used_tokens.hpp"

namespace apitoken::reconcile {

class LastUseWriter {
 public:
  static constexpr std::chrono::milliseconds kPause{50};  // between two writes
  static constexpr std::chrono::seconds kRetryAfter{10};  // after a write that failed

  // All outlive it.
  LastUseWriter(kube::Client& client, kube::Store<api::ApiToken>& store, verify::UsedTokens& used,
                const Clock& clock)
      : client_(client), store_(store), used_(used), clock_(clock) {}

  // Writes until `stop`.
  void run(const std::stop_token& stop);

 private:
  // Writes one status. False if it must be tried again.
  bool write(const verify::UsedTokens::Use& use, std::stop_token stop);

  kube::Client& client_;
  kube::Store<api::ApiToken>& store_;
  verify::UsedTokens& used_;
  const Clock& clock_;
  FailureLog failure_log_{"cannot write when tokens were last used",
                          "writing again when tokens were last used"};
};

}  // namespace apitoken::reconcile
