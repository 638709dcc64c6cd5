// Endpoints: the routes of the verification server and their handlers. HttpServer calls the
// handlers on its threads, CallerAuthorization on its own after a review. No handler waits. Answers
// about tokens come from the index, so that no token costs a request to the API server.
#pragma once

#include <atomic>
#include <functional>

#include "base/mutex.hpp"
#include "serve/routes.hpp"
#include "verify/deferred_answers.hpp"
#include "verify/public_keys.hpp"
#include "verify/verifier.hpp"
#include "verify/verify_metrics.hpp"

namespace apitoken::verify {

class Endpoints {
 public:
  // All outlive it. Until `synced` has returned true once, requests about tokens get 503.
  // `may_lack_a_value` returns whether clients may have a valid value that this replica does not
  // know yet; it is called for each request.
  Endpoints(
      const Verifier& verifier, serve::CallerReviews& caller_reviews, DeferredAnswers& deferred,
      PublicKeys keys, VerifyMetrics& metrics, std::function<bool()> synced, const Clock& clock,
      std::function<bool()> may_lack_a_value = [] { return false; })
      : verifier_(verifier),
        introspecting_(caller_reviews,
                       [this](auto verdict, auto took) { introspection_refused(verdict, took); }),
        deferred_(deferred),
        keys_(std::move(keys)),
        metrics_(metrics),
        synced_(std::move(synced)),
        clock_(clock),
        may_lack_a_value_(std::move(may_lack_a_value)) {}

  // The routes of the verification port. They refer to this object.
  std::vector<serve::Route> routes();
  // Demands the permission to introspect. Started and stopped with the server.
  serve::CallerAuthorization& introspecting() { return introspecting_; }

 private:
  struct Answered {
    serve::HttpAnswer answer;
    VerifyResult result;
    bool is_of_token = true;  // false: the request has no token
  };
  using Answer = Answered (Endpoints::*)(const serve::HttpRequest&);

  Answered review(const serve::HttpRequest& request);
  Answered authorize(const serve::HttpRequest& request);
  Answered introspect(const serve::HttpRequest& request);
  void introspection_refused(serve::CallerReviews::Verdict verdict,
                             std::chrono::duration<double> took);
  // A handler that answers with `answer`: at once, or deferred if this replica may not know the
  // token yet.
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
  const std::function<bool()> may_lack_a_value_;
  std::atomic<bool> has_synced_ = false;
  Mutex log_mutex_;
  SteadyTime logged_ GUARDED_BY(log_mutex_){};         // when a malformed body was last logged
  std::size_t suppressed_ GUARDED_BY(log_mutex_) = 0;  // malformed bodies since then
};

}  // namespace apitoken::verify
