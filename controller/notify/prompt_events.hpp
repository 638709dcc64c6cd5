// PromptEvents: writes the Event of a notice during the pass of its token, so that one status patch
// can have the condition and the ledger. Workers call it, on any thread, and wait for the answer.
// After a failure or a slow answer it rests for a minute, longer each time: if Events are refused
// or hang, EventChannel retries them, and the workers go on with what is more urgent. Of three
// workers or more, two never wait here.
#pragma once

#include <stop_token>

#include "base/backoff.hpp"
#include "base/mutex.hpp"
#include "notify/event_channel.hpp"

namespace apitoken::notify {

class PromptEvents {
 public:
  static constexpr std::chrono::seconds kSlow{5};
  static constexpr Backoff kRest{std::chrono::minutes(1), std::chrono::hours(1)};

  // `most`: Events that are written at once. The references outlive it.
  PromptEvents(EventSink& sink, const Clock& clock, std::size_t most)
      : sink_(sink), clock_(clock), most_(most) {}

  // True: the Event exists. False: it was not tried, or not written.
  bool write(const api::Event& event, std::stop_token stop);

 private:
  bool begin();
  void end(const Status& written, bool slow);

  EventSink& sink_;
  const Clock& clock_;
  const std::size_t most_;
  Mutex mutex_;
  std::size_t writing_ GUARDED_BY(mutex_) = 0;
  SteadyTime resting_until_ GUARDED_BY(mutex_){};
  std::uint32_t rests_ GUARDED_BY(mutex_) = 0;  // in a row
};

}  // namespace apitoken::notify
