// FakeTransport: a Transport that plays a script, for faults that no real server produces on
// demand. For tests. Thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "kube/client.hpp"

namespace apitoken::kube {

struct SeenRequest {
  Method method;
  std::string target;
  std::string accept;
  std::string content_type;
  std::string body;
};

class FakeTransport final : public Transport {
 public:
  // Answers a send(); called without the lock.
  using Answer = std::function<Result<HttpResponse>(const HttpRequest&, std::stop_token)>;
  // Runs a stream(). After the script's end streams stay open and silent until they are stopped.
  using Stream = std::function<Result<HttpResponse>(std::stop_token,
                                                    const std::function<bool(std::string_view)>&)>;

  void answer(Answer next) { push(answers_, std::move(next)); }
  void answer(int status, std::string body, std::optional<Seconds> retry_after = {}) {
    answer([=](const HttpRequest&, std::stop_token) {
      return HttpResponse{status, body, retry_after};
    });
  }
  void answer(Error error) {
    answer([=](const HttpRequest&, std::stop_token) -> Result<HttpResponse> {
      return std::unexpected(error);
    });
  }
  // Drops the answers that were not used.
  void drop_answers() {
    std::lock_guard lock(mutex_);
    answers_.clear();
  }
  void stream(Stream next) { push(streams_, std::move(next)); }
  // Sends the pieces, then ends cleanly.
  void stream(std::vector<std::string> pieces) {
    stream([=](std::stop_token,
               const std::function<bool(std::string_view)>& receive) -> Result<HttpResponse> {
      for (const auto& piece : pieces) {
        if (!receive(piece)) break;
      }
      return HttpResponse{200, "", {}};
    });
  }
  void stream(Error error) {
    stream([=](std::stop_token, const auto&) -> Result<HttpResponse> {
      return std::unexpected(error);
    });
  }
  // Sends the pieces and stays open.
  void stream_open(std::vector<std::string> pieces) {
    stream([=](std::stop_token stop,
               const std::function<bool(std::string_view)>& receive) -> Result<HttpResponse> {
      for (const auto& piece : pieces) {
        if (!receive(piece)) return HttpResponse{200, "", {}};
      }
      return until_stopped(stop);
    });
  }

  std::vector<SeenRequest> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t count() const {
    std::lock_guard lock(mutex_);
    return requests_.size();
  }

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    const auto next = take(answers_, request);
    if (!next) return fail(ErrorKind::Unavailable, "the script has ended");
    return (*next)(request, stop);
  }
  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                              const std::function<bool(std::string_view)>& receive) override {
    const auto next = take(streams_, request);
    return next ? (*next)(stop, receive) : until_stopped(stop);
  }

  static Result<HttpResponse> until_stopped(std::stop_token stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait(lock, stop, [] { return false; });
    return fail(ErrorKind::Canceled, "canceled");
  }

 private:
  template <typename T>
  void push(std::deque<T>& script, T next) {
    std::lock_guard lock(mutex_);
    script.push_back(std::move(next));
  }
  template <typename T>
  std::optional<T> take(std::deque<T>& script, const HttpRequest& request) {
    std::lock_guard lock(mutex_);
    requests_.push_back({request.method, request.target, request.accept, request.content_type,
                         std::string(request.body)});
    if (script.empty()) return {};
    T next = std::move(script.front());
    script.pop_front();
    return next;
  }

  mutable std::mutex mutex_;
  std::deque<Answer> answers_;         // guarded by mutex_
  std::deque<Stream> streams_;         // guarded by mutex_
  std::vector<SeenRequest> requests_;  // guarded by mutex_
};

class CountingObserver final : public RequestObserver {
 public:
  void request_done(std::string_view method, std::string_view code) override {
    std::lock_guard lock(mutex_);
    seen_.push_back(std::string(method) + " " + std::string(code));
  }
  std::vector<std::string> seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;  // guarded by mutex_
};

// Waits until `state` holds; fails the test after ten seconds.
template <typename State>
[[nodiscard]] bool eventually(State&& state) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!state()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace apitoken::kube
