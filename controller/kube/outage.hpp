// Outage: ends all waits for an unreachable API server as soon as the server answers one request.
// During the outage one of the waiting threads tries every kProbe, however long its own backoff is;
// the others wait. The transport reports answers, reflectors wait. Thread-safe; no I/O.
#pragma once

#include <condition_variable>
#include <stop_token>

#include "base/mutex.hpp"
#include "kube/answer_listener.hpp"

namespace apitoken::kube {

class Outage final : public AnswerListener {
 public:
  static constexpr std::chrono::milliseconds kProbe{800};

  explicit Outage(const Clock& clock) : clock_(clock) {}

  // Ends the outage, unless the answer is 429 or 5xx, which a proxy may send for the server.
  void answered(const AnswerHead& head) override;
  void unanswered() override;
  // Whether the most recent request got no answer.
  bool away() const;

  // For a thread that could not reach the server. Waits for `delay`; shorter if the server answers
  // any request meanwhile (but at least kProbe), or if it is this thread's turn to try.
  void wait(std::chrono::milliseconds delay, std::stop_token stop);

 private:
  const Clock& clock_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool away_ GUARDED_BY(mutex_) = false;
  std::uint64_t answers_ GUARDED_BY(mutex_) = 0;
  int waiting_ GUARDED_BY(mutex_) = 0;
  SteadyTime next_probe_ GUARDED_BY(mutex_){};
};

}  // namespace apitoken::kube
