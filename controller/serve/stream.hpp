// Stream: the pieces of one streamed answer on their way from a producer, on any thread, to the
// serving thread that sends them. Bounded: a peer that does not keep up loses the stream, and
// learns it by the missing end.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace apitoken::serve {

class Stream {
 public:
  static constexpr std::size_t kMaxQueued = 4 * 1024 * 1024;  // bytes that wait for the peer

  // The producer's side. False once the peer is gone, did not keep up, or the stream has ended:
  // stop producing then.
  bool write(std::string piece);
  // What was written is still sent.
  void end();
  bool is_open() const;

  // The server's side.
  struct Hooks {
    std::function<void()> suspend;  // nothing to send: do not ask again
    std::function<void()> resume;   // ask again
  };
  void attach(Hooks hooks);
  // Copies what waits into `block`, or suspends. nullopt: the end. `broken`: the end came too
  // early.
  struct Taken {
    std::size_t bytes = 0;
    bool ended = false;
    bool broken = false;
  };
  Taken take(char* block, std::size_t size);
  // The peer is gone; no hook is called from now on.
  void detach();
  // For how long the peer has taken nothing of what waits; nothing waits: zero.
  std::chrono::steady_clock::duration stalled() const;

 private:
  void wake();  // the caller holds mutex_

  mutable std::mutex mutex_;
  // Called under mutex_: between finding the queue empty and suspending no piece may come. Both
  // return at once.
  Hooks hooks_;
  std::deque<std::string> queue_;  // guarded by mutex_
  std::size_t at_ = 0;             // bytes of the first piece that are taken; guarded by mutex_
  std::size_t queued_ = 0;         // bytes; guarded by mutex_
  bool suspended_ = false;         // guarded by mutex_
  bool ended_ = false;             // by the producer; guarded by mutex_
  bool broken_ = false;            // too slow, or gone; guarded by mutex_
  std::chrono::steady_clock::time_point
      since_{};  // last take, or first piece in an empty queue; guarded by mutex_
};

}  // namespace apitoken::serve
