// CallerAuthorization: passes a request to its handler if the caller has the permission: by a
// client certificate, or by a bearer token that the API server accepts. Routes calls it on the
// serving threads. A token that must be reviewed waits for two threads of its own; the handler then
// runs on one of them. Started before the server, stopped before it.
#pragma once

#include <condition_variable>
#include <deque>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "serve/caller_reviews.hpp"
#include "serve/http_message.hpp"

namespace apitoken::serve {

class CallerAuthorization {
 public:
  static constexpr std::size_t kMaxWaiting = 64;  // requests that wait for a review; more get 503
  // Called for each refused caller, with the time that the refusal took. Any thread.
  using Refused = std::function<void(CallerReviews::Verdict, std::chrono::duration<double> took)>;

  explicit CallerAuthorization(
      CallerReviews& reviews, Refused refused = [](auto, auto) {})
      : reviews_(reviews), refused_(std::move(refused)) {}
  ~CallerAuthorization() { stop(); }
  CallerAuthorization(const CallerAuthorization&) = delete;
  CallerAuthorization& operator=(const CallerAuthorization&) = delete;

  void start();
  // Answers the requests that still wait with 503.
  void stop();

  // Answers `request` with `handler`, or refuses the caller. `handler` outlives the request.
  HttpReply serve(const HttpRequest& request, const Handler& handler);

 private:
  struct Waiting {
    const HttpRequest& request;
    const Handler& handler;
    CallerReviews::Review review;
    Responder responder;
    SteadyTime since;
  };

  HttpReply carry_out(CallerReviews::Verdict verdict, const HttpRequest& request,
                      const Handler& handler, SteadyTime since) const;
  void wait(Waiting one);
  void review(std::stop_token stop);

  CallerReviews& reviews_;
  const Refused refused_;
  Mutex mutex_;
  std::condition_variable_any came_;
  std::deque<Waiting> waiting_ GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_;
};

}  // namespace apitoken::serve
