// One exchange step by step: head, body, handler, answer.
#include "serve/http_exchange.hpp"

#include <fmt/format.h>
#include <microhttpd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/log.hpp"
#include "base/secret_string.hpp"
#include "serve/http_response.hpp"
#include "serve/refusals.hpp"
#include "serve/tls_material.hpp"

namespace apitoken::serve {
namespace {

HttpAnswer internal_error() { return plain(500, "internal error\n"); }

gnutls_session_t session_of(MHD_Connection* connection) {
  const auto* known = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  return static_cast<gnutls_session_t>(known->tls_session);
}

}  // namespace

bool Exchanges::suspended() {
  const MutexLock lock(mutex_);
  if (finishing_) return false;
  ++suspended_;
  return true;
}

void Exchanges::resumed() {
  const MutexLock lock(mutex_);
  if (--suspended_ == 0) none_suspended_.notify_all();
}

void Exchanges::opened(Stream& stream) {
  const MutexLock lock(mutex_);
  streams_.insert(&stream);
  if (finishing_) stream.end();
}

void Exchanges::closed(Stream& stream) {
  const MutexLock lock(mutex_);
  streams_.erase(&stream);
}

void Exchanges::finish() {
  MutexLock lock(mutex_);
  finishing_ = true;
  for (auto* stream : streams_) stream->end();
  none_suspended_.wait(lock, [this]() REQUIRES(mutex_) { return suspended_ == 0; });
}

HttpExchange::HttpExchange(Exchanges& exchanges, MHD_Connection* connection, Connection& peer,
                           const TlsMaterial* material, const char* target)
    : exchanges_(exchanges), connection_(connection), peer_(peer), material_(material) {
  peer_.head_begins();
  raw_.target = target;
  raw_.target_size = std::strlen(target);
  const std::string_view text(target, raw_.target_size);
  raw_.target_is_plain = is_plain_target(text);
  const auto query = text.find('?');
  const auto path = text.substr(0, query);
  path_ = decode_percent(path, false);
  request_.path_escapes_slash = std::ranges::count(path_, '/') != std::ranges::count(path, '/');
  if (query == text.npos) return;
  request_.query = decode_form(text.substr(query + 1));
  // Hides the query from libmicrohttpd, which runs out of memory on many parameters and then sends
  // no answer.
  const_cast<char*>(target)[query + 1] = '\0';
}

HttpExchange::~HttpExchange() {
  wipe(body_);
  if (stream_) exchanges_.closed(*stream_);
}

void HttpExchange::read_head(const char* method) {
  request_.method = method;
  request_.path = path_;
  request_.peer = peer_.peer();
  if (material_ != nullptr) {
    request_.certified = [this] { return material_->vouches_for_peer(session_of(connection_)); };
  }
  request_.headers.reserve(16);
  MHD_get_connection_values_n(
      connection_, MHD_HEADER_KIND,
      [](void* headers, MHD_ValueKind, const char* name, std::size_t name_size, const char* value,
         std::size_t size) {
        static_cast<decltype(request_.headers)*>(headers)->emplace_back(
            std::string_view(name, name_size),
            value ? std::string_view(value, size) : std::string_view());
        return MHD_YES;
      },
      &request_.headers);
}

bool HttpExchange::head(const char* method, const char* version) {
  has_head_ = true;
  raw_.method = method;
  raw_.version = version;
  raw_.shows_gaps = MHD_VERSION < 0x01000000;
  raw_.size =
      MHD_get_connection_info(connection_, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
  read_head(method);
  peer_.head_complete();
  if (auto refusal = refuse_head(raw_, request_, exchanges_.limits)) {
    refusal->headers.emplace_back(MHD_HTTP_HEADER_CONNECTION, "close");
    return send(std::move(*refusal));
  }
  const auto length = request_.header(MHD_HTTP_HEADER_CONTENT_LENGTH);
  std::size_t expected = 0;
  std::from_chars(length.data(), length.data() + length.size(), expected);
  // Reserved once, so that no copy is left behind that would not be wiped.
  body_.reserve(std::min(expected, exchanges_.limits.body_bytes));
  return true;
}

void HttpExchange::body(std::string_view piece) {
  too_large_ = too_large_ || body_.size() + piece.size() > exchanges_.limits.body_bytes;
  if (!too_large_) body_.append(piece);
}

bool HttpExchange::complete() {
  if (reply_) return dispatch(std::move(*reply_));
  if (too_large_) {
    return send(plain(
        413, fmt::format("the body is larger than {} bytes\n", exchanges_.limits.body_bytes)));
  }
  request_.body = body_;
  return dispatch(served());
}

HttpReply HttpExchange::served() {
  try {
    return exchanges_.serve(request_);
  } catch (const std::exception& error) {  // must not unwind through C
    log::error("cannot answer request", {{"path", path_}, {"error", error.what()}});
    return internal_error();
  }
}

bool HttpExchange::dispatch(HttpReply reply) {
  if (auto* answer = std::get_if<HttpAnswer>(&reply)) return send(std::move(*answer));
  if (auto* streamed = std::get_if<Streamed>(&reply)) return stream(std::move(*streamed));
  if (!exchanges_.suspended()) return send(unavailable("the server is stopping; try again\n"));
  MHD_suspend_connection(connection_);  // before another thread can resume it
  begin(std::move(std::get<Pending>(reply)));
  return true;
}

// The exchange may be destroyed when this returns.
void HttpExchange::begin(Pending pending) {
  Responder responder([this](HttpReply reply) { resume(std::move(reply)); });
  try {
    pending.begin(std::move(responder));
  } catch (const std::exception& error) {
    log::error("cannot begin to answer a request", {{"error", error.what()}});
  }
}

void HttpExchange::resume(HttpReply reply) {
  if (auto* pending = std::get_if<Pending>(&reply)) return begin(std::move(*pending));
  reply_ = std::move(reply);
  auto& exchanges = exchanges_;
  MHD_resume_connection(connection_);
  exchanges.resumed();
}

bool HttpExchange::queue(int status, MHD_Response* response) {
  if (MHD_queue_response(connection_, static_cast<unsigned>(status), response) == MHD_YES)
    return true;
  log::error("cannot queue an answer, closing the connection",
             {{"path", path_}, {"status", status}});
  return false;
}

void HttpExchange::add_headers(HttpAnswer& answer) const {
  const auto& always = exchanges_.headers;
  answer.headers.insert(answer.headers.end(), always.begin(), always.end());
}

bool HttpExchange::send(HttpAnswer answer) {
  int status = answer.status;
  add_headers(answer);
  auto response = make_response(std::move(answer), exchanges_.limits);
  if (!response) {
    log::error("cannot send an answer, sending 500",
               {{"path", path_}, {"status", status}, {"error", response.error().message}});
    status = 500;
    auto failed = internal_error();
    add_headers(failed);
    response = make_response(std::move(failed), exchanges_.limits);
  }
  return response && queue(status, response->get());
}

bool HttpExchange::stream(Streamed streamed) {
  stream_ = std::make_shared<Stream>();
  const int status = streamed.head.status;
  add_headers(streamed.head);
  auto response = make_response(std::move(streamed.head), stream_, connection_, exchanges_.limits);
  if (!response) {
    log::error("cannot begin a stream, sending 500",
               {{"path", path_}, {"error", response.error().message}});
    return send(internal_error());
  }
  exchanges_.opened(*stream_);
  if (!queue(status, response->get())) return false;
  peer_.streams(stream_);
  try {
    streamed.begin(stream_);
  } catch (const std::exception& error) {
    log::error("cannot begin a stream", {{"path", path_}, {"error", error.what()}});
    stream_->end();
  }
  return true;
}

}  // namespace apitoken::serve
