// Endpoints: the routes of the verification server and what each does with a request. HttpServer
// calls the handlers on its threads, CallerAuthorization on its own after a review; no handler
// waits. Answers about tokens come from the index: whatever is presented costs no request to the
// API server.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "serve/routes.hpp"
#include "verify/deferred_answers.hpp"
#include "verify/public_keys.hpp"
#include "verify/verifier.hpp"
#include "verify/verify_metrics.hpp"

namespace apitoken::verify {

class Endpoints {
 public:
  // All outlive it. Until `synced` says yes once, tokens are answered 503. `follows`: whether
  // another replica mints, so that a value may stand in its Secret a moment before it is known
  // here.
  Endpoints(
      const Verifier& verifier, serve::CallerReviews& caller_reviews, DeferredAnswers& deferred,
      PublicKeys keys, VerifyMetrics& metrics, std::function<bool()> synced, const Clock& clock,
      std::function<bool()> follows = [] { return false; })
      : verifier_(verifier),
        introspecting_(caller_reviews,
                       [this](auto verdict, auto took) { introspection_refused(verdict, took); }),
        deferred_(deferred),
        keys_(std::move(keys)),
        metrics_(metrics),
        synced_(std::move(synced)),
        clock_(clock),
        follows_(std::move(follows)) {}

  // Of the verification port. They refer to this object.
  std::vector<serve::Route> routes();
  // Who may introspect. Started and stopped with the server.
  serve::CallerAuthorization& introspecting() { return introspecting_; }

 private:
  struct Answered {
    serve::HttpAnswer answer;
    VerifyResult result;
    bool is_of_token = true;  // false: nothing was presented
  };
  using Answer = Answered (Endpoints::*)(const serve::HttpRequest&);

  Answered review(const serve::HttpRequest& request);
  Answered authorize(const serve::HttpRequest& request);
  Answered introspect(const serve::HttpRequest& request);
  void introspection_refused(serve::CallerReviews::Verdict verdict,
                             std::chrono::duration<double> took);
  // Answers by `answer`, at once or, where this replica may not know the token yet, in a
  // moment.
  serve::Handler about_token(Endpoint endpoint, Answer answer);
  bool is_synced();
  serve::HttpAnswer publish_keys() const;
  serve::HttpAnswer counted(Endpoint endpoint, SteadyTime since, Answered answered) const;
  void log_malformed(std::string_view why);

  const Verifier& verifier_;
  serve::CallerAuthorization introspecting_;
  DeferredAnswers& deferred_;
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
