// Workers: threads that serve requests which wait for the API server, so that no serving thread
// waits. Bounded: requests that do not fit are answered 503 at once. Routes hands it the work;
// started before the server and stopped before it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "serve/http_message.hpp"

namespace apitoken::portal {

class Workers {
 public:
  static constexpr std::size_t kMaxWaiting = 256;
  using Work = std::function<serve::HttpReply(std::stop_token)>;

  explicit Workers(std::size_t threads) : count_(threads) {}
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start();
  // Answers 503 to waiting work, asks the work under way to stop, and waits for it.
  void stop();

  // The reply of `work`, once a thread is free for it.
  serve::HttpReply serve(Work work);

 private:
  struct Waiting {
    Work work;
    serve::Responder responder;
  };

  void add(Work work, serve::Responder responder);
  void run(std::stop_token stop);

  const std::size_t count_;
  Mutex mutex_;
  std::condition_variable_any came_;
  std::deque<Waiting> waiting_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = true;
  std::vector<std::jthread> threads_;
};

}  // namespace apitoken::portal
