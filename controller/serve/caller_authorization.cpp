// Admits a caller at once, or after a review on a thread of its own.
#include "serve/caller_authorization.hpp"

#include "base/log.hpp"
#include "base/thread_name.hpp"
#include "serve/refusals.hpp"

namespace apitoken::serve {
namespace {

constexpr int kThreads = 2;

}  // namespace

void CallerAuthorization::start() {
  for (int i = 0; i < kThreads; ++i) {
    threads_.emplace_back([this](std::stop_token stop) { review(std::move(stop)); });
  }
  threads_.emplace_back([this](std::stop_token stop) {
    name_thread("renew callers");
    reviews_.renew(std::move(stop));
  });
}

void CallerAuthorization::stop() {
  threads_.clear();  // asked to stop, and joined
  std::deque<Waiting> left;
  {
    const MutexLock lock(mutex_);
    left.swap(waiting_);
  }
}

HttpReply CallerAuthorization::serve(const HttpRequest& request, const Handler& handler) {
  const auto since = std::chrono::steady_clock::now();
  if (request.certified()) return handler(request);
  const auto bearer = request.bearer_token();
  if (bearer.empty()) {
    refused_(CallerReviews::Verdict::Unknown, std::chrono::steady_clock::now() - since);
    return challenge(401, "");
  }
  auto admitted = reviews_.admit(bearer, request.peer);
  if (const auto* verdict = std::get_if<CallerReviews::Verdict>(&admitted))
    return carry_out(*verdict, request, handler, since);
  return Pending{[this, &request, &handler,
                  review = std::get<CallerReviews::Review>(std::move(admitted)),
                  since](Responder responder) mutable {
    wait({request, handler, std::move(review), std::move(responder), since});
  }};
}

HttpReply CallerAuthorization::carry_out(CallerReviews::Verdict verdict, const HttpRequest& request,
                                         const Handler& handler, SteadyTime since) const {
  if (verdict == CallerReviews::Verdict::Allowed) return handler(request);
  refused_(verdict, std::chrono::steady_clock::now() - since);
  return refuse_caller(verdict, reviews_);
}

void CallerAuthorization::wait(Waiting one) {
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() < kMaxWaiting && !threads_.empty()) {
      waiting_.push_back(std::move(one));
      came_.notify_one();
      return;
    }
  }
  std::move(one.responder)
      .answer(unavailable("too many requests wait for the API server; try again\n"));
}

void CallerAuthorization::review(std::stop_token stop) {
  name_thread("http reviews");
  MutexLock lock(mutex_);
  while (came_.wait(lock, stop, [this]() REQUIRES(mutex_) { return !waiting_.empty(); }) &&
         !stop.stop_requested()) {
    Waiting one = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      const auto verdict = one.review(stop);
      std::move(one.responder).answer(carry_out(verdict, one.request, one.handler, one.since));
    } catch (const std::exception& error) {  // the responder answers 503
      log::error("cannot review a caller", {{"error", error.what()}});
    }
    lock.lock();
  }
}

}  // namespace apitoken::serve
