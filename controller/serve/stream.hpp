// Stream: the queue of one streamed answer, from a producer on any thread to the serving thread. It
// is bounded: if the peer does not keep up, the stream breaks, and the peer sees an answer without
// its end.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/mutex.hpp"

namespace apitoken::serve {

class Stream {
 public:
  static constexpr std::size_t kMaxQueued = 4 * 1024 * 1024;  // bytes that wait for the peer

  // The next five are the producer's. write() returns false if the peer is gone, did not keep up,
  // or the stream has ended: the producer then stops.
  bool write(std::string piece);
  // Whether at most `ahead` bytes wait for the peer, who is still there.
  bool has_room(std::size_t ahead) const;
  // Waits until at most `ahead` bytes wait for the peer. False: as write(), or `stop` came.
  bool await_room(std::size_t ahead, std::stop_token stop);
  // Ends the stream after the pieces that were written.
  void end();
  bool is_open() const;

  // What follows is the server's. attach() says how it wants to be called back.
  struct Hooks {
    std::function<void()> suspend;  // the queue is empty: stop calling take()
    std::function<void()> resume;   // call take() again
  };
  void attach(Hooks hooks);
  // Copies queued bytes into `block`; if the queue is empty, calls `suspend`. `broken`: the stream
  // ended too early.
  struct Taken {
    std::size_t bytes = 0;
    bool ended = false;
    bool broken = false;
  };
  Taken take(char* block, std::size_t size);
  // The peer is gone; no hook is called afterwards.
  void detach();
  // How long the peer has taken no bytes although some are queued; zero if the queue is empty.
  std::chrono::steady_clock::duration stalled() const;

 private:
  void wake() REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::condition_variable_any less_;  // fewer bytes wait for the peer, or none will be sent
  // Called under mutex_, so that no piece comes between the look at the queue and `suspend`. Both
  // return at once.
  Hooks hooks_ GUARDED_BY(mutex_);
  std::deque<std::string> queue_ GUARDED_BY(mutex_);
  std::size_t at_ GUARDED_BY(mutex_) = 0;      // bytes of the first piece already taken
  std::size_t queued_ GUARDED_BY(mutex_) = 0;  // bytes
  bool suspended_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;   // by the producer
  bool broken_ GUARDED_BY(mutex_) = false;  // the peer is too slow or gone
  // The last take(), or the first piece in an empty queue.
  std::chrono::steady_clock::time_point since_ GUARDED_BY(mutex_){};
};

}  // namespace apitoken::serve
