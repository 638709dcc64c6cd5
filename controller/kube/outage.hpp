// Outage: lets everybody who waits to reach the API server again try at once when it answers
// anybody. While it is away one of the waiting threads tries every kProbe, whatever its own backoff
// has grown to; the others wait. The transport tells of answers, reflectors wait; thread-safe, no
// I/O.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "kube/answer_listener.hpp"

namespace apitoken::kube {

class Outage final : public AnswerListener {
 public:
  static constexpr std::chrono::milliseconds kProbe{800};

  explicit Outage(const Clock& clock) : clock_(clock) {}

  // Any answer but 429 and 5xx, which a proxy gives for a server that is away.
  void answered(const AnswerHead& head) override;
  void unanswered() override;
  // The last request of all was left unanswered.
  bool away() const;

  // For a thread that could not reach the server. Waits for `delay`; less, but at least kProbe, if
  // the server has answered somebody since this call; less if it is this thread's turn to try.
  void wait(std::chrono::milliseconds delay, std::stop_token stop);

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // All below are guarded by mutex_.
  bool away_ = false;
  std::uint64_t answers_ = 0;
  int waiting_ = 0;
  SteadyTime next_probe_{};
};

}  // namespace apitoken::kube
