// One request over cpprestsdk: the stream buffer of its bodies, and its failures as Errors.
#include "kube/cpprest_exchange.hpp"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>

#include "kube/http_date.hpp"
#include "kube/proxy_tunnel.hpp"
#include "kube/tls_context.hpp"

namespace apitoken::kube {
namespace {

namespace http = web::http;

std::string_view phase_of(std::string_view library_message) {
  if (library_message.find("proxy") != library_message.npos)
    return "our own relay to the proxy closed the connection";
  if (library_message.find("esolv") != library_message.npos &&
      library_message.find("ddress") != library_message.npos) {
    return "the host name cannot be resolved";
  }
  if (library_message.starts_with("Failed to connect"))
    return "no connection: refused, or the host cannot be reached";
  if (library_message.starts_with("Error in SSL")) return "the TLS handshake failed";
  if (library_message.starts_with("Failed to write")) {
    return "the connection broke off while the request was sent (so do servers that refuse a "
           "client certificate)";
  }
  if (library_message.find("status line") != library_message.npos)
    return "the connection ended before an answer came";
  return "the answer broke off";
}

// The library's error codes are reliable only for time-outs and TLS, so the phase is taken from its
// texts.
std::string describe(const http::http_exception& error) {
  const int code = error.error_code().value();
  if (code == ETIMEDOUT) return "time-out";
  const std::string_view said(error.what());
  if (constexpr std::string_view kStatus = "Expected a 200 response from proxy, received: ";
      said.starts_with(kStatus))
    return take_proxy_failure(said.substr(kStatus.size()));
  std::string text(phase_of(said));
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

}  // namespace

void Exchange::start(http::client::http_client& client, http::http_request request) {
  asked_ = std::chrono::steady_clock::now();
  const auto self = std::static_pointer_cast<Exchange>(shared_from_this());
  const Concurrency::streams::streambuf<std::uint8_t> buffer{
      std::shared_ptr<basic_streambuf<std::uint8_t>>(self)};
  request.set_response_stream(buffer.create_ostream());
  const auto size = body_size();
  if (size > 0) request.set_body(buffer.create_istream(), size, request.headers().content_type());
  client.request(request, cancellation_.get_token())
      .then([self](pplx::task<http::http_response> head) {
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
  const MutexLock lock(mutex_);
  sent_ = std::min(static_cast<std::size_t>(position), body_.size());
  return position;
}

pplx::task<std::size_t> Exchange::_getn(std::uint8_t* target, std::size_t count) {
  if (permission_ && !permission_()) {
    ended(Error{ErrorKind::Canceled, "not sent: this replica no longer leads", {}});
    cancellation_.cancel();  // closes the connection, on which the server waits for the body
    return pplx::task_from_exception<std::size_t>(Refused{});
  }
  const MutexLock lock(mutex_);
  const std::size_t copied = body_.substr(sent_).copy(reinterpret_cast<char*>(target), count);
  sent_ += copied;
  return pplx::task_from_result(copied);
}

pplx::task<std::size_t> Exchange::_putn(const std::uint8_t* bytes, std::size_t count) {
  const MutexLock lock(mutex_);
  if (left_) return pplx::task_from_exception<std::size_t>(Refused{});
  std::string& target = hands_over() ? unread_ : answer_.body;
  const std::size_t limit = hands_over() ? limits_.body : body_limit();
  if (count > limit || (!hands_over() && target.size() + count > limit)) {
    return pplx::task_from_exception<std::size_t>(Refused{
        {ErrorKind::Unavailable, fmt::format("the answer is larger than {} bytes", limit), {}}});
  }
  target.append(reinterpret_cast<const char*>(bytes), count);
  if (!hands_over()) return pplx::task_from_result(count);
  changed_.notify_one();
  if (target.size() <= limits_.unread) return pplx::task_from_result(count);
  held_back_size_ = count;
  return pplx::create_task(held_back_.emplace());
}

void Exchange::head_came(const http::http_response& response) {
  if (AnswerListener* const listener = *listener_; listener != nullptr) {
    const auto date = response.headers().find("Date");
    listener->answered(
        {response.status_code(),
         date == response.headers().end() ? std::nullopt : parse_http_date(date->second), asked_,
         std::chrono::steady_clock::now()});
  }
  const MutexLock lock(mutex_);
  answer_.status = response.status_code();
  answer_.retry_after = parse_retry_after(response.headers());
  headed_ = true;
  if (!streaming_) {
    const std::size_t size =
        std::max<std::size_t>(response.headers().content_length(), expected_size_);
    answer_.body.reserve(std::min(size, limits_.body));
  }
  if (streaming_) changed_.notify_one();
}

void Exchange::ended(std::optional<Error> error) {
  const MutexLock lock(mutex_);
  if (ended_) return;
  ended_ = true;
  error_ = std::move(error);
  changed_.notify_one();
}

// Called before the caller learns of the failure, because the caller then asks Outbox::away().
void Exchange::tell_unanswered() {
  {
    const MutexLock lock(mutex_);
    if (headed_ || left_) return;
  }
  if (AnswerListener* const listener = *listener_; listener != nullptr) listener->unanswered();
}

void Exchange::failed(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Refused& refused) {
    ended(refused.error);
  } catch (const http::http_exception& error) {
    tell_unanswered();
    ended(Error{ErrorKind::Unavailable, describe(error), {}});
  } catch (const std::exception& error) {
    ended(Error{ErrorKind::Unavailable, error.what(), {}});
  } catch (...) {
    ended(Error{ErrorKind::Unavailable, "the HTTP library failed for a reason unknown", {}});
  }
}

template <typename Ready>
Status Exchange::wait(MutexLock& lock, std::stop_token stop, std::chrono::milliseconds time,
                      Ready ready) {
  if (changed_.wait_for(lock, stop, time, ready)) return {};
  if (stop.stop_requested()) return fail(ErrorKind::Canceled, "canceled");
  return fail(ErrorKind::Unavailable, fmt::format("no answer within {} ms", time.count()));
}

Result<HttpResponse> Exchange::wait_whole(std::stop_token stop) {
  MutexLock lock(mutex_);
  const Status waited =
      wait(lock, stop, limits_.request, [this]() REQUIRES(mutex_) { return ended_; });
  if (waited && !error_) return std::move(answer_);
  if (waited) return std::unexpected(*error_);
  lock.unlock();
  leave();
  return std::unexpected(waited.error());
}

Result<HttpResponse> Exchange::wait_streaming(std::stop_token stop, const Receiver& receive) {
  MutexLock lock(mutex_);
  for (;;) {
    Status waited = wait(lock, stop, limits_.silence,
                         [this]() REQUIRES(mutex_) { return ended_ || !unread_.empty(); });
    if (waited && !ended_ && stop.stop_requested()) waited = fail(ErrorKind::Canceled, "canceled");
    if (waited && unread_.empty()) {
      if (error_) return std::unexpected(*error_);
      return std::move(answer_);
    }
    const std::string piece = std::exchange(unread_, {});
    const bool fell_silent = !waited && hands_over() && !stop.stop_requested();
    resume();
    lock.unlock();
    if (!waited || !receive(piece)) {
      leave();
      if (!waited && !fell_silent) return std::unexpected(waited.error());
      return HttpResponse{.status = 200, .body = {}};
    }
    lock.lock();
  }
}

// Lets the library read on, on its own thread, after unread_ was emptied.
void Exchange::resume() {
  if (!held_back_) return;
  boost::asio::post(io(), [accepted = *std::exchange(held_back_, {}), size = held_back_size_] {
    accepted.set(size);
  });
}

// Afterwards the exchange does not read the caller's bytes. The I/O thread closes the connection.
void Exchange::leave() {
  const auto self = std::static_pointer_cast<Exchange>(shared_from_this());
  const MutexLock lock(mutex_);
  left_ = true;
  body_ = {};
  if (ended_) return;
  boost::asio::post(io(), [self, waiting = std::exchange(held_back_, {})] {
    self->cancellation_.cancel();
    if (waiting) waiting->set_exception(Refused{});
  });
}

}  // namespace apitoken::kube
