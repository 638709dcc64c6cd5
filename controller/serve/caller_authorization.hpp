// CallerAuthorization: lets a request through to its handler if its caller may, by certificate or
// by a bearer token that the API server knows. Routes asks it on the serving threads; what has to
// be reviewed first waits for two threads of its own, and the handler then runs on one of them.
// Started before the server, stopped before it.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "serve/caller_reviews.hpp"
#include "serve/http_message.hpp"

namespace apitoken::serve {

class CallerAuthorization {
 public:
  static constexpr std::size_t kMaxWaiting = 64;  // requests that wait for a review; more get 503
  // Told of each caller that was refused, and how long that took. Any thread.
  using Refused = std::function<void(CallerReviews::Verdict, std::chrono::duration<double> took)>;

  explicit CallerAuthorization(
      CallerReviews& reviews, Refused refused = [](auto, auto) {})
      : reviews_(reviews), refused_(std::move(refused)) {}
  ~CallerAuthorization() { stop(); }
  CallerAuthorization(const CallerAuthorization&) = delete;
  CallerAuthorization& operator=(const CallerAuthorization&) = delete;

  void start();
  // Requests that still wait are answered 503.
  void stop();

  // `handler` outlives the request.
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
  std::mutex mutex_;
  std::condition_variable_any came_;
  std::deque<Waiting> waiting_;  // guarded by mutex_
  std::vector<std::jthread> threads_;
};

}  // namespace apitoken::serve
