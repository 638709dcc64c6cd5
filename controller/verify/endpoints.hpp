// Endpoints: the paths of the verification server and what each does with a request. HttpsServer calls serve() on its
// threads; only the review of a caller waits, and that elsewhere. Answers about tokens come from the index: whatever is
// presented costs no request to the API server.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "verify/callers.hpp"
#include "verify/https_server.hpp"
#include "verify/public_keys.hpp"
#include "verify/verifier.hpp"
#include "verify/verify_metrics.hpp"

namespace apitoken::verify {

class Endpoints {
 public:
  // All outlive it. Until `synced` says yes once, tokens are answered 503. `follows`: whether another replica mints, so
  // that a value may stand in its Secret a moment before it is known here.
  Endpoints(
      const Verifier& verifier, Callers& callers, PublicKeys keys, VerifyMetrics& metrics, std::function<bool()> synced,
      const Clock& clock, std::function<bool()> follows = [] { return false; })
      : verifier_(verifier),
        callers_(callers),
        keys_(std::move(keys)),
        metrics_(metrics),
        synced_(std::move(synced)),
        clock_(clock),
        follows_(std::move(follows)) {}

  HttpsReply serve(const HttpsRequest& request);

 private:
  struct Judged {
    HttpsAnswer answer;
    Outcome outcome;
    bool is_of_token = true;  // false: nothing was presented
  };

  Judged review(const HttpsRequest& request);
  Judged authorize(const HttpsRequest& request) const;
  HttpsReply introspect(const HttpsRequest& request);
  Judged introspect_for(Callers::Verdict caller, std::string_view content_type, std::string_view body) const;
  HttpsReply about_token(const HttpsRequest& request);
  bool is_synced();
  HttpsAnswer publish(const HttpsRequest& request) const;
  // Answers as `judge` says, at once or, where this replica may not know the token yet, in a moment.
  template <typename Judge>
  HttpsReply settle(Endpoint endpoint, Judge judge) const;
  HttpsAnswer counted(Endpoint endpoint, SteadyTime since, Judged judged) const;
  void log_malformed(std::string_view why);

  const Verifier& verifier_;
  Callers& callers_;
  const PublicKeys keys_;
  VerifyMetrics& metrics_;
  const std::function<bool()> synced_;
  const Clock& clock_;
  const std::function<bool()> follows_;
  std::atomic<bool> has_synced_ = false;
  std::mutex log_mutex_;
  SteadyTime logged_{};         // the last line about a malformed body; guarded by log_mutex_
  std::size_t suppressed_ = 0;  // such bodies since; guarded by log_mutex_
};

}  // namespace apitoken::verify
