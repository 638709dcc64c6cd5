// Exchange: one request over cpprestsdk and its answer. CpprestTransport makes one per request. The
// library's tasks, timers and sockets all live on its I/O thread, so two threads never touch one of
// its objects at the same time. The caller starts the exchange and waits with its own deadline; on
// a stop it leaves, and the exchange ends by itself on the I/O thread.
#pragma once

#include <cpprest/http_client.h>
#include <pplx/threadpool.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <optional>
#include <string>

#include "base/mutex.hpp"
#include "kube/answer_listener.hpp"
#include "kube/cpprest_transport.hpp"

namespace apitoken::kube {

// Work posted here runs on the library's I/O thread.
inline boost::asio::io_service& io() { return crossplat::threadpool::shared_instance().service(); }

// An exception that carries our Error through the library.
struct Refused {
  Error error;
};

using Receiver = std::function<bool(std::string_view)>;

// Shared with exchanges that outlive their callers. Null: there is no listener (any more).
using ListenerSlot = std::shared_ptr<std::atomic<AnswerListener*>>;

// One stream buffer for both bodies: the library reads the request's and writes the answer's on the
// I/O thread while the caller waits. The caller may leave at any time; its bytes are not read
// afterwards.
class Exchange final : public Concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  // `permission` is called before the body is sent and may cancel it; it may be empty.
  // `expected_size`: bytes to reserve for the answer.
  Exchange(std::string_view body, std::function<bool()> permission, const TransportLimits& limits,
           bool streaming, ListenerSlot listener, std::size_t expected_size)
      : streambuf_state_manager(std::ios_base::in | std::ios_base::out),
        limits_(limits),
        streaming_(streaming),
        permission_(std::move(permission)),
        listener_(std::move(listener)),
        expected_size_(expected_size),
        body_(body) {}

  // Sends the request. The result arrives in this object.
  void start(web::http::client::http_client& client, web::http::http_request request);
  // Wait for the whole answer, or pass it on piece by piece. The errors do not name the host yet.
  Result<HttpResponse> wait_whole(std::stop_token stop);
  Result<HttpResponse> wait_streaming(std::stop_token stop, const Receiver& receive);

  // --- the stream: what the library calls ---
  bool can_seek() const override { return true; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return traits::eof(); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return traits::eof();
  }
  // The library rewinds the request's body and sends it again if a kept connection was closed.
  pos_type seekpos(pos_type position, std::ios_base::openmode) override;
  bool acquire(std::uint8_t*&, std::size_t&) override { return false; }
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  pplx::task<std::size_t> _getn(std::uint8_t* target, std::size_t count) override;
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override;
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  // The HTTP client reads no single bytes and does not look ahead.
  pplx::task<int_type> _putc(std::uint8_t) override { return none(); }
  pplx::task<int_type> _bumpc() override { return none(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return none(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return none(); }
  pplx::task<int_type> _ungetc() override { return none(); }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}

 private:
  static pplx::task<int_type> none() { return pplx::task_from_result<int_type>(traits::eof()); }

  std::size_t body_size() {
    const MutexLock lock(mutex_);
    return body_.size();
  }
  void head_came(const web::http::http_response& response);
  void ended(std::optional<Error> error);
  void tell_unanswered();
  void failed(std::exception_ptr thrown);
  bool hands_over() const REQUIRES(mutex_) { return streaming_ && answer_.status == 200; }
  std::size_t body_limit() const { return streaming_ ? limits_.error_body : limits_.body; }
  // Waits until `ready`. Errors: Canceled on a stop, Unavailable after `time`. The lock is held
  // again in each case.
  template <typename Ready>
  Status wait(MutexLock& lock, std::stop_token stop, std::chrono::milliseconds time, Ready ready)
      REQUIRES(mutex_);
  void resume() REQUIRES(mutex_);
  void leave();

  const TransportLimits limits_;
  const bool streaming_;
  const std::function<bool()> permission_;
  const ListenerSlot listener_;
  const std::size_t expected_size_;
  SteadyTime asked_{};                            // set before the I/O thread sees this object
  pplx::cancellation_token_source cancellation_;  // canceled on the I/O thread only

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::string_view body_ GUARDED_BY(mutex_);  // the caller's bytes; empty once the caller has left
  std::size_t sent_ GUARDED_BY(mutex_) = 0;   // bytes of body_ that were sent
  bool left_ GUARDED_BY(mutex_) = false;      // the caller has left
  bool headed_ GUARDED_BY(mutex_) = false;    // answer_.status is set
  bool ended_ GUARDED_BY(mutex_) = false;
  std::optional<Error> error_ GUARDED_BY(mutex_);  // may be set once ended_ is
  HttpResponse answer_ GUARDED_BY(mutex_);
  std::string unread_ GUARDED_BY(mutex_);  // bytes of a stream that the caller has not received yet
  // Set while unread_ is full: the library reads on once this event is set.
  std::optional<pplx::task_completion_event<std::size_t>> held_back_ GUARDED_BY(mutex_);
  std::size_t held_back_size_ GUARDED_BY(mutex_) = 0;
};

}  // namespace apitoken::kube
