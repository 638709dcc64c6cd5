// DeferredAnswers: answers about tokens that this replica does not know yet, deferred until its
// index may have caught up. A client may read a status, and the value in the Secret, before the
// leader has the answer to its write, and before a follower's watch brings the status. The
// endpoints defer on the serving threads; one thread of its own asks again. A deferred request
// takes no thread.
//
//   unknown token -> defer -+-> index_changed() -> ask(last = false) -> answered
//                           |        ^                   |
//                           |        '---- not yet ------'
//                           '-> after 200 ms, too many, or a stop -> ask(last = true) -> answered
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <optional>
#include <thread>

#include "base/mutex.hpp"
#include "serve/http_message.hpp"

namespace apitoken::verify {

class DeferredAnswers {
 public:
  static constexpr std::size_t kMaxDeferred = 64;
  static constexpr std::chrono::milliseconds kDeferredFor{200};

  // Called again when the index changes, on any thread; must be quick. Returns the answer, or
  // nullopt if it may still change. `last` is true on the final call, which must answer.
  using Ask = std::function<std::optional<serve::HttpAnswer>(bool last)>;

  ~DeferredAnswers() { stop(); }

  void start();
  // Answers all deferred requests; later ones are answered at once.
  void stop();

  serve::HttpReply defer(Ask ask);
  // An answer may have changed: asks all deferred requests again. Any thread; quick.
  void index_changed();

 private:
  struct Deferred {
    Ask ask;
    serve::Responder responder;
    std::chrono::steady_clock::time_point until;
  };

  void hold(Deferred deferred);
  void ask_again(std::stop_token stop);

  Mutex mutex_;
  std::condition_variable_any came_;
  std::deque<Deferred> deferred_ GUARDED_BY(mutex_);  // the oldest first
  std::size_t count_ GUARDED_BY(mutex_) = 0;          // includes those being asked now
  bool changed_ GUARDED_BY(mutex_) = false;
  bool running_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace apitoken::verify
