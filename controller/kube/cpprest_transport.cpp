// cpprestsdk behind the Transport interface; the only file that includes it. The library's tasks, timers and sockets
// all live on its one I/O thread, so none of its objects is ever touched by two threads at once: callers start an
// exchange, wait on it with a deadline of their own, and leave it behind when told to stop. Nothing is thrown out of
// this file.
#include "kube/cpprest_transport.hpp"

#include <cpprest/http_client.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pplx/threadpool.h>
#include <pthread.h>
#include <signal.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>

#include "kube/server_url.hpp"
#include "kube/tls_context.hpp"

namespace apitoken::kube {
namespace {

namespace http = web::http;

boost::asio::io_service& io() { return crossplat::threadpool::shared_instance().service(); }

// The library's interface has no virtual destructor, but nobody owns a scheduler through it other than by shared_ptr.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
// Runs tasks at once where the I/O thread asks for them, and on the I/O thread for everybody else. The library's own
// scheduler sends each continuation through the queue again.
class IoScheduler final : public pplx::scheduler_interface {
 public:
  void schedule(pplx::TaskProc_t task, void* argument) override {
    boost::asio::dispatch(io(), [task, argument] { task(argument); });
  }
};
#pragma GCC diagnostic pop

// Carries our own error through the library.
struct Refused {
  Error error;
};

std::string_view phase_of(std::string_view library_message) {
  if (library_message.find("esolv") != library_message.npos && library_message.find("ddress") != library_message.npos) {
    return "the host name cannot be resolved";
  }
  if (library_message.starts_with("Failed to connect")) return "no connection: refused, or the host cannot be reached";
  if (library_message.starts_with("Error in SSL")) return "the TLS handshake failed";
  if (library_message.starts_with("Failed to write")) {
    return "the connection broke off while the request was sent (so do servers that refuse a client certificate)";
  }
  if (library_message.find("status line") != library_message.npos) return "the connection ended before an answer came";
  return "the answer broke off";
}

// The library's error codes are right only for time-outs and TLS; its texts name the phase.
std::string describe(const http::http_exception& error) {
  const int code = error.error_code().value();
  if (code == ETIMEDOUT) return "time-out";
  std::string text(phase_of(error.what()));
  const std::string refused = take_verification_failure();
  const char* reason = ERR_reason_error_string(static_cast<unsigned int>(code));
  if (!refused.empty()) {
    text += fmt::format(": the server's certificate was refused ({})", refused);
  } else if (code > 0xffff && reason != nullptr) {
    text += fmt::format(": {}", reason);
  }
  return text;
}

std::optional<Seconds> parse_retry_after(const http::http_headers& headers) {
  const auto found = headers.find("Retry-After");
  if (found == headers.end()) return {};
  std::uint32_t seconds = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return Seconds(seconds);
}

using Receiver = std::function<bool(std::string_view)>;
using ByteStream = Concurrency::streams::details::streambuf_state_manager<std::uint8_t>;

// One request and its answer: both bodies in one stream buffer, which the library reads and writes on the I/O thread
// while the caller waits. A caller may leave at any time; its bytes are not read from then on.
class Exchange final : public ByteStream {
 public:
  Exchange(std::string_view body, const TransportLimits& limits, bool streaming)
      : ByteStream(std::ios_base::in | std::ios_base::out), limits_(limits), streaming_(streaming), body_(body) {}

  // Sends; what comes of it is told to this object.
  void start(http::client::http_client& client, http::http_request request);
  // Waits for the whole answer. Errors have no host in them yet.
  Result<HttpResponse> wait_whole(std::stop_token stop);
  Result<HttpResponse> wait_streaming(std::stop_token stop, const Receiver& receive);

  // --- ByteStream: what the library calls ---
  bool can_seek() const override { return true; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return traits::eof(); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override { return traits::eof(); }
  // The library sends a request again when a kept connection turns out to be closed: it rewinds the request's body.
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

  void head_came(const http::http_response& response);
  void ended(std::optional<Error> error);
  void failed(std::exception_ptr thrown);
  bool hands_over() const { return streaming_ && answer_.status == 200; }
  std::size_t body_limit() const { return streaming_ ? limits_.error_body : limits_.body; }
  // Waits until `ready`; an Error when told to stop or after the deadline. Either way the caller still holds the lock.
  template <typename Ready>
  Status wait(Lock& lock, std::stop_token stop, std::chrono::milliseconds time, Ready ready);
  void resume();
  void leave();

  const TransportLimits limits_;
  const bool streaming_;
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
  std::string unread_;                                                 // of a stream
  std::optional<pplx::task_completion_event<std::size_t>> held_back_;  // the piece whose acceptance the library awaits
  std::size_t held_back_size_ = 0;
};

void Exchange::start(http::client::http_client& client, http::http_request request) {
  const auto self = std::static_pointer_cast<Exchange>(shared_from_this());
  const Concurrency::streams::streambuf<std::uint8_t> buffer{std::shared_ptr<basic_streambuf<std::uint8_t>>(self)};
  request.set_response_stream(buffer.create_ostream());
  if (!body_.empty()) request.set_body(buffer.create_istream(), body_.size(), request.headers().content_type());
  client.request(request, cancellation_.get_token()).then([self](pplx::task<http::http_response> head) {
    try {
      const http::http_response response = head.get();
      self->head_came(response);
      response.content_ready().then([self](pplx::task<http::http_response> whole) {
        try {
          whole.get();
          self->ended({});
        } catch (...) {
          self->failed(std::current_exception());
        }
      });
    } catch (...) {
      self->failed(std::current_exception());
    }
  });
}

Exchange::pos_type Exchange::seekpos(pos_type position, std::ios_base::openmode) {
  const std::lock_guard lock(mutex_);
  sent_ = std::min(static_cast<std::size_t>(position), body_.size());
  return position;
}

pplx::task<std::size_t> Exchange::_getn(std::uint8_t* target, std::size_t count) {
  const std::lock_guard lock(mutex_);
  const std::size_t copied = body_.substr(sent_).copy(reinterpret_cast<char*>(target), count);
  sent_ += copied;
  return pplx::task_from_result(copied);
}

pplx::task<std::size_t> Exchange::_putn(const std::uint8_t* bytes, std::size_t count) {
  const Lock lock(mutex_);
  if (left_) return pplx::task_from_exception<std::size_t>(Refused{});
  std::string& target = hands_over() ? unread_ : answer_.body;
  const std::size_t limit = hands_over() ? limits_.body : body_limit();
  if (count > limit || (!hands_over() && target.size() + count > limit)) {
    return pplx::task_from_exception<std::size_t>(
        Refused{{ErrorKind::Unavailable, fmt::format("the answer is larger than {} bytes", limit), {}}});
  }
  target.append(reinterpret_cast<const char*>(bytes), count);
  if (!hands_over()) return pplx::task_from_result(count);
  changed_.notify_one();
  if (target.size() <= limits_.unread) return pplx::task_from_result(count);
  held_back_size_ = count;
  return pplx::create_task(held_back_.emplace());
}

void Exchange::head_came(const http::http_response& response) {
  const Lock lock(mutex_);
  answer_.status = response.status_code();
  answer_.retry_after = parse_retry_after(response.headers());
  headed_ = true;
  if (!streaming_) answer_.body.reserve(std::min<std::size_t>(response.headers().content_length(), limits_.body));
  if (streaming_) changed_.notify_one();
}

void Exchange::ended(std::optional<Error> error) {
  const Lock lock(mutex_);
  if (ended_) return;
  ended_ = true;
  error_ = std::move(error);
  changed_.notify_one();
}

void Exchange::failed(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Refused& refused) {
    ended(refused.error);
  } catch (const http::http_exception& error) {
    ended(Error{ErrorKind::Unavailable, describe(error), {}});
  } catch (const std::exception& error) {
    ended(Error{ErrorKind::Unavailable, error.what(), {}});
  } catch (...) {
    ended(Error{ErrorKind::Unavailable, "the HTTP library failed for a reason unknown", {}});
  }
}

template <typename Ready>
Status Exchange::wait(Lock& lock, std::stop_token stop, std::chrono::milliseconds time, Ready ready) {
  if (changed_.wait_for(lock, stop, time, ready)) return {};
  if (stop.stop_requested()) return fail(ErrorKind::Canceled, "told to stop");
  return fail(ErrorKind::Unavailable,
              fmt::format("{} within {} ms", headed_ ? "nothing more came" : "no answer", time.count()));
}

Result<HttpResponse> Exchange::wait_whole(std::stop_token stop) {
  Lock lock(mutex_);
  const Status waited = wait(lock, stop, limits_.request, [this] { return ended_; });
  if (waited && !error_) return std::move(answer_);
  if (waited) return std::unexpected(*error_);
  lock.unlock();
  leave();
  return std::unexpected(waited.error());
}

Result<HttpResponse> Exchange::wait_streaming(std::stop_token stop, const Receiver& receive) {
  Lock lock(mutex_);
  for (;;) {
    Status waited = wait(lock, stop, limits_.silence, [this] { return ended_ || !unread_.empty(); });
    if (waited && !ended_ && stop.stop_requested()) waited = fail(ErrorKind::Canceled, "told to stop");
    if (waited && unread_.empty()) {
      if (error_) return std::unexpected(*error_);
      return std::move(answer_);
    }
    const std::string piece = std::exchange(unread_, {});
    resume();
    lock.unlock();
    if (!waited || !receive(piece)) {
      leave();
      if (!waited) return std::unexpected(waited.error());
      return HttpResponse{.status = 200, .body = {}};
    }
    lock.lock();
  }
}

// Lets the library read on, on its own thread, now that unread_ is empty; under mutex_.
void Exchange::resume() {
  if (!held_back_) return;
  boost::asio::post(io(), [accepted = *std::exchange(held_back_, {}), size = held_back_size_] { accepted.set(size); });
}

// From here on nothing of the caller's is touched; the library closes the connection when the I/O thread gets to it.
void Exchange::leave() {
  const auto self = std::static_pointer_cast<Exchange>(shared_from_this());
  const Lock lock(mutex_);
  left_ = true;
  body_ = {};
  if (ended_) return;
  boost::asio::post(io(), [self, waiting = std::exchange(held_back_, {})] {
    self->cancellation_.cancel();
    if (waiting) waiting->set_exception(Refused{});
  });
}

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(Credentials& credentials, std::string user_agent, TransportLimits limits)
      : credentials_(&credentials, [](Credentials*) {}),
        user_agent_(std::move(user_agent)),
        limits_(limits),
        url_(parse_server_url(credentials.server(), "credentials")) {
    if (url_) clients_ = connect();
  }

  // After the barrier no callback on the I/O thread can still be asking the credentials.
  ~CpprestTransport() override {
    credentials_.reset();
    clients_.reset();
    std::promise<void> barrier;
    boost::asio::post(io(), [&barrier] { barrier.set_value(); });
    barrier.get_future().wait();
  }

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    return with_host(authorized(request, stop, nullptr));
  }
  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop, const Receiver& receive) override {
    return with_host(authorized(request, stop, &receive));
  }

 private:
  struct Clients {
    http::client::http_client requests;
    http::client::http_client streams;
  };

  std::shared_ptr<Clients> connect() const;
  http::client::http_client_config config(std::chrono::milliseconds idle) const;
  Result<HttpResponse> authorized(const HttpRequest& request, std::stop_token stop, const Receiver* receive);
  Result<HttpResponse> attempt(const HttpRequest& request, std::stop_token stop, const Receiver* receive);
  std::shared_ptr<Clients> clients() {
    const std::lock_guard lock(mutex_);
    return clients_;
  }

  Result<HttpResponse> with_host(Result<HttpResponse> result) const {
    if (!result && result.error().kind == ErrorKind::Unavailable) {
      result.error().message = fmt::format("{}: {}", credentials_->server(), result.error().message);
    }
    return result;
  }

  std::shared_ptr<Credentials> credentials_;  // owns nothing; what callbacks hold weakly
  const std::string user_agent_;
  const TransportLimits limits_;
  const Result<ServerUrl> url_;
  std::mutex mutex_;
  std::shared_ptr<Clients> clients_;  // guarded by mutex_; replaced when the server refuses what its connections showed
};

http::client::http_client_config CpprestTransport::config(std::chrono::milliseconds idle) const {
  http::client::http_client_config config;
  config.set_timeout(idle + std::chrono::seconds(5));  // a second line: callers have deadlines of their own
  config.set_max_redirects(0);                         // a redirect must not carry the token elsewhere
  config.set_tlsext_sni_enabled(false);                // announce_server_name() does it
  config.set_ssl_context_callback([weak = std::weak_ptr(credentials_)](boost::asio::ssl::context& context) {
    const auto credentials = weak.lock();
    if (!credentials) throw Refused{{ErrorKind::Canceled, "the transport is gone", {}}};
    const Result<TlsMaterial> material = credentials->tls();
    if (!material) throw Refused{material.error()};
    if (Status configured = configure_tls(context.native_handle(), *material); !configured)
      throw Refused{configured.error()};
  });
  if (url_->tls) {
    config.set_nativehandle_options([](http::client::native_handle handle) {
      using Stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;
      announce_server_name(static_cast<Stream*>(handle)->native_handle());
    });
  }
  return config;
}

std::shared_ptr<CpprestTransport::Clients> CpprestTransport::connect() const {
  const web::uri server(url_->text);
  auto* const clients = new Clients{.requests = http::client::http_client(server, config(limits_.request)),
                                    .streams = http::client::http_client(server, config(limits_.silence))};
  // Whoever lets go last: they and their kept connections end where they lived.
  return {clients, [](Clients* gone) { boost::asio::post(io(), [gone] { delete gone; }); }};
}

// Once more after a 401: a token or certificate may have been renewed meanwhile. Connections show the certificate that
// they began with, so new ones are needed.
Result<HttpResponse> CpprestTransport::authorized(const HttpRequest& request, std::stop_token stop,
                                                  const Receiver* receive) {
  if (!url_) return std::unexpected(url_.error());
  const auto used = clients();
  Result<HttpResponse> result = attempt(request, stop, receive);
  if (!result || result->status != 401) return result;
  credentials_->reject();
  {
    auto fresh = connect();
    const std::lock_guard lock(mutex_);
    if (clients_ == used) clients_ = std::move(fresh);
  }
  return attempt(request, stop, receive);
}

Result<HttpResponse> CpprestTransport::attempt(const HttpRequest& request, std::stop_token stop,
                                               const Receiver* receive) try {
  Result<std::optional<SecretString>> token = credentials_->bearer_token();
  if (!token) return std::unexpected(token.error());
  if (stop.stop_requested()) return fail(ErrorKind::Canceled, "told to stop");
  http::http_request outgoing{http::method(to_string(request.method))};
  outgoing.set_request_uri(web::uri(request.target));
  auto& headers = outgoing.headers();
  headers.add("Accept", request.accept);
  headers.add("User-Agent", user_agent_);
  if (!request.body.empty()) headers.set_content_type(request.content_type);
  if (*token) headers.add("Authorization", fmt::format("Bearer {}", (*token)->reveal()));

  const auto exchange = std::make_shared<Exchange>(request.body, limits_, receive != nullptr);
  const auto used = clients();
  exchange->start(receive != nullptr ? used->streams : used->requests, std::move(outgoing));
  return receive != nullptr ? exchange->wait_streaming(stop, *receive) : exchange->wait_whole(stop);
} catch (const std::exception& error) {
  return fail(ErrorKind::Invalid,
              fmt::format("cannot send {} {}: {}", to_string(request.method), request.target, error.what()));
}

}  // namespace

void prepare_cpprest() {
  static std::once_flag once;
  std::call_once(once, [] {
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);  // the I/O thread outlives static destruction
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are main()'s
    crossplat::threadpool::initialize_with_threads(1);
    pplx::set_ambient_scheduler(std::make_shared<IoScheduler>());
    boost::asio::post(io(), [] { pthread_setname_np(pthread_self(), "kube-io"); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  });
}

std::unique_ptr<Transport> make_cpprest_transport(Credentials& credentials, std::string user_agent,
                                                  TransportLimits limits) {
  prepare_cpprest();
  return std::make_unique<CpprestTransport>(credentials, std::move(user_agent), limits);
}

}  // namespace apitoken::kube
