// One request over cpprestsdk and its answer. CpprestTransport makes one for each request; the
// library's tasks, timers and sockets all live on its one I/O thread, so none of its objects is
// ever touched by two threads at once: a caller starts an exchange, waits on it with a deadline of
// its own, and leaves it behind when told to stop.
#pragma once

#include <cpprest/http_client.h>
#include <pplx/threadpool.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "kube/answer_listener.hpp"
#include "kube/cpprest_transport.hpp"

namespace apitoken::kube {

// The library's I/O thread: what is posted to it runs there.
inline boost::asio::io_service& io() { return crossplat::threadpool::shared_instance().service(); }

// Carries our own error through the library.
struct Refused {
  Error error;
};

using Receiver = std::function<bool(std::string_view)>;

// Shared with exchanges that outlive their callers; null: nobody listens (any more).
using ListenerSlot = std::shared_ptr<std::atomic<AnswerListener*>>;

// Both bodies in one stream buffer, which the library reads and writes on the I/O thread while the
// caller waits. A caller may leave at any time; its bytes are not read from then on.
class Exchange final : public Concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  // `permission` is asked before the body is sent; it may be empty.
  Exchange(std::string_view body, std::function<bool()> permission, const TransportLimits& limits,
           bool streaming, ListenerSlot listener)
      : streambuf_state_manager(std::ios_base::in | std::ios_base::out),
        limits_(limits),
        streaming_(streaming),
        permission_(std::move(permission)),
        listener_(std::move(listener)),
        body_(body) {}

  // Sends; what comes of it is told to this object.
  void start(web::http::client::http_client& client, web::http::http_request request);
  // Waits for the whole answer. Errors have no host in them yet.
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
  // The library sends a request again when a kept connection turns out to be closed: it rewinds the
  // request's body.
  pos_type seekpos(pos_type position, std::ios_base::openmode) override;
  bool acquire(std::uint8_t*&, std::size_t&) override { return false; }
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  pplx::task<std::size_t> _getn(std::uint8_t* target, std::size_t count) override;
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override;
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  // Single bytes and look-ahead: the HTTP client has no use for them.
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
  using Lock = std::unique_lock<std::mutex>;
  static pplx::task<int_type> none() { return pplx::task_from_result<int_type>(traits::eof()); }

  void head_came(const web::http::http_response& response);
  void ended(std::optional<Error> error);
  void tell_unanswered();
  void failed(std::exception_ptr thrown);
  bool hands_over() const { return streaming_ && answer_.status == 200; }
  std::size_t body_limit() const { return streaming_ ? limits_.error_body : limits_.body; }
  // Waits until `ready`; an Error when told to stop or after the deadline. Either way the caller
  // still holds the lock.
  template <typename Ready>
  Status wait(Lock& lock, std::stop_token stop, std::chrono::milliseconds time, Ready ready);
  void resume();
  void leave();

  const TransportLimits limits_;
  const bool streaming_;
  const std::function<bool()> permission_;
  const ListenerSlot listener_;
  SteadyTime asked_{};                            // set before the I/O thread knows of this object
  pplx::cancellation_token_source cancellation_;  // canceled on the I/O thread alone

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string_view body_;  // guarded by mutex_, as all below; the caller's bytes until it leaves
  std::size_t sent_ = 0;   // of body_
  bool left_ = false;      // the caller is gone
  bool headed_ = false;    // answer_.status is there
  bool ended_ = false;
  std::optional<Error> error_;  // with ended_
  HttpResponse answer_;
  std::string unread_;  // of a stream
  std::optional<pplx::task_completion_event<std::size_t>>
      held_back_;  // the piece whose acceptance the library awaits
  std::size_t held_back_size_ = 0;
};

}  // namespace apitoken::kube
