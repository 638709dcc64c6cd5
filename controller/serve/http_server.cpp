#include "serve/http_server.hpp"

#include <fmt/format.h>
#include <microhttpd.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "serve/listening_socket.hpp"

namespace apitoken::serve {
namespace {

constexpr unsigned kMaxConnections = 32;
constexpr unsigned kConnectionTimeoutSeconds = 10;

HttpAnswer answer_for(const HttpRoutes& routes, std::string_view method, std::string_view path) {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const auto route = routes.find(path);
  if (route == routes.end()) return {.status = MHD_HTTP_NOT_FOUND, .body = "not found\n"};
  if (method != "GET" && method != "HEAD") {
    return {.status = MHD_HTTP_METHOD_NOT_ALLOWED, .body = "only GET is answered here\n"};
  }
  try {
    return route->second();
  } catch (const std::exception& error) {  // must not unwind through C
    spdlog::error("cannot answer request path={} error={}", path, error.what());
    return {.status = MHD_HTTP_INTERNAL_SERVER_ERROR, .body = "internal error\n"};
  }
}

// A body on its way out, in blocks and uncopied: a page of metrics is large. Read from front to back.
struct Outgoing {
  std::vector<std::string> parts;
  std::size_t part = 0;
  std::size_t at = 0;  // in it

  std::uint64_t size() const {
    std::uint64_t sum = 0;
    for (const auto& one : parts) sum += one.size();
    return sum;
  }
  static ssize_t read(void* self, std::uint64_t, char* block, std::size_t size) {
    auto& [parts, part, at] = *static_cast<Outgoing*>(self);
    while (part < parts.size() && at == parts[part].size()) ++part, at = 0;
    if (part == parts.size()) return MHD_CONTENT_READER_END_OF_STREAM;
    const auto copied = parts[part].copy(block, size, at);
    at += copied;
    return static_cast<ssize_t>(copied);
  }
  static void done(void* self) { delete static_cast<Outgoing*>(self); }
};

MHD_Result send_answer(MHD_Connection* connection, HttpAnswer answer) {
  constexpr std::size_t kBlock = 16 * 1024;
  auto outgoing = std::make_unique<Outgoing>(std::move(answer.more));
  outgoing->parts.insert(outgoing->parts.begin(), std::move(answer.body));
  auto* response =
      MHD_create_response_from_callback(outgoing->size(), kBlock, &Outgoing::read, outgoing.get(), &Outgoing::done);
  if (response == nullptr) return MHD_NO;
  outgoing.release();  // the response's from here on
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type.c_str());
  if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED)
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  const auto queued = MHD_queue_response(connection, static_cast<unsigned>(answer.status), response);
  MHD_destroy_response(response);
  return queued;
}

// libmicrohttpd calls this once with the headers, then for each piece of a body, then once with nothing left.
// Source: https://www.gnu.org/software/libmicrohttpd/manual/html_node/microhttpd_002dcb.html
MHD_Result on_request(void* server, MHD_Connection* connection, const char* path, const char* method, const char*,
                      const char*, std::size_t* body_size, void** seen) {
  if (*seen == nullptr) {
    *seen = server;
    return MHD_YES;
  }
  if (*body_size != 0) {
    *body_size = 0;
    return MHD_YES;
  }
  return send_answer(connection, answer_for(static_cast<HttpServer*>(server)->routes(), method, path));
}

}  // namespace

Status HttpServer::start(std::string_view flag, std::string_view text) {
  if (text == kNoAddress) return {};
  auto socket = ListeningSocket::open(flag, text);
  if (!socket) return std::unexpected(std::move(socket.error()));
  daemon_ = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, 0, nullptr, nullptr, &on_request, this,
                             MHD_OPTION_LISTEN_SOCKET, socket->get(),                   //
                             MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,              //
                             MHD_OPTION_CONNECTION_TIMEOUT, kConnectionTimeoutSeconds,  //
                             MHD_OPTION_END);
  if (daemon_ == nullptr) return fail(ErrorKind::Unavailable, fmt::format("{} {}: cannot start a thread", flag, text));
  socket->release();  // the daemon closes it
  address_ = socket->address().text();
  port_ = socket->address().port;
  return {};
}

void HttpServer::stop() {
  if (daemon_ != nullptr) MHD_stop_daemon(std::exchange(daemon_, nullptr));
}

}  // namespace apitoken::serve
