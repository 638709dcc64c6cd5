// DeferredAnswers: answers about tokens that are not known here yet, held back until the index may
// have caught up. A mint stands in the status before it stands in the Secret, but a follower's
// watch may bring it later than somebody reads the Secret. The endpoints defer on the serving
// threads; one thread of its own asks again. A deferred request takes no thread.
//
//   request -> unknown token -> defer -+-> index_changed() -> ask(last = false) -> known now?
//   answered
//                                      |         ^                 |
//                                      |         '--- not yet -----'
//                                      '-> 200 ms later, too many, or a stop -> ask(last = true) ->
//                                      answered
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "serve/http_message.hpp"

namespace apitoken::verify {

class DeferredAnswers {
 public:
  static constexpr std::size_t kMaxDeferred = 64;
  static constexpr std::chrono::milliseconds kDeferredFor{200};

  // The answer as the index is now; nullopt: it may change yet. `last` is true on the final call,
  // which must answer. Quick, on any thread.
  using Ask = std::function<std::optional<serve::HttpAnswer>(bool last)>;

  ~DeferredAnswers() { stop(); }

  void start();
  // Answers all that are deferred, and defers none any more.
  void stop();

  serve::HttpReply defer(Ask ask);
  // An answer may have changed. Any thread; quick.
  void index_changed();

 private:
  struct Deferred {
    Ask ask;
    serve::Responder responder;
    std::chrono::steady_clock::time_point until;
  };

  void hold(Deferred deferred);
  void ask_again(std::stop_token stop);

  std::mutex mutex_;
  std::condition_variable_any came_;
  std::deque<Deferred> deferred_;  // the oldest first; guarded by mutex_
  std::size_t count_ = 0;          // with those that are being asked; guarded by mutex_
  bool changed_ = false;           // guarded by mutex_
  bool running_ = false;           // guarded by mutex_
  std::jthread thread_;
};

}  // namespace apitoken::verify
