#include "serve/http_server.hpp"

#include <fmt/format.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace apitoken::serve {
namespace {

constexpr unsigned kMaxConnections = 32;
constexpr unsigned kConnectionTimeoutSeconds = 10;
constexpr int kBacklog = 64;

// An open file descriptor, closed with its owner.
class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string errno_text(int error) { return std::system_category().message(error); }

// Errors: errno of the step that failed.
std::expected<Socket, int> listen_on(const addrinfo& where, bool dual_stack) {
  Socket socket(::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return std::unexpected(errno);
  const int on = 1;
  const int v6_only = dual_stack ? 0 : 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (where.ai_family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (bind(socket.get(), where.ai_addr, where.ai_addrlen) != 0) return std::unexpected(errno);
  if (listen(socket.get(), kBacklog) != 0) return std::unexpected(errno);
  return socket;
}

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// Errors: the reason, as text.
std::expected<AddressList, std::string> resolve(const BindAddress& address, const char* host, int family) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host, std::to_string(address.port).c_str(), &hints, &found);
  if (error != 0) return std::unexpected(error == EAI_SYSTEM ? errno_text(errno) : gai_strerror(error));
  return AddressList(found, &freeaddrinfo);
}

// One socket: for an empty host one that takes IPv6 and IPv4, or IPv4 alone where the machine has no IPv6.
std::expected<Socket, std::string> open_socket(const BindAddress& address) {
  if (!address.host.empty()) {
    const auto list = resolve(address, address.host.c_str(), AF_UNSPEC);
    if (!list) return std::unexpected(list.error());
    auto socket = listen_on(**list, false);
    if (!socket) return std::unexpected(errno_text(socket.error()));
    return std::move(*socket);
  }
  int error = 0;
  for (const auto& [host, family] : {std::pair("::", AF_INET6), std::pair("0.0.0.0", AF_INET)}) {
    const auto list = resolve(address, host, family);
    if (!list) return std::unexpected(list.error());
    auto socket = listen_on(**list, true);
    if (socket) return std::move(*socket);
    error = socket.error();
    if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL) break;
  }
  return std::unexpected(errno_text(error));
}

std::uint16_t port_of(const Socket& socket) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
  return ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(name).sin6_port
                                          : reinterpret_cast<sockaddr_in&>(name).sin_port);
}

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

MHD_Result send_answer(MHD_Connection* connection, const HttpAnswer& answer) {
  auto* response =
      MHD_create_response_from_buffer(answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
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
  auto address = parse_bind_address(text);
  if (!address) return fail(ErrorKind::Invalid, fmt::format("{}: {}", flag, address.error().message));
  auto socket = open_socket(*address);
  if (!socket) return fail(ErrorKind::Unavailable, fmt::format("{} {}: {}", flag, text, socket.error()));

  address->port = port_of(*socket);
  daemon_ = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, 0, nullptr, nullptr, &on_request, this,
                             MHD_OPTION_LISTEN_SOCKET, socket->get(),                   //
                             MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,              //
                             MHD_OPTION_CONNECTION_TIMEOUT, kConnectionTimeoutSeconds,  //
                             MHD_OPTION_END);
  if (daemon_ == nullptr) return fail(ErrorKind::Unavailable, fmt::format("{} {}: cannot start a thread", flag, text));
  socket->release();  // the daemon closes it
  address_ = address->text();
  port_ = address->port;
  return {};
}

void HttpServer::stop() {
  if (daemon_ != nullptr) MHD_stop_daemon(std::exchange(daemon_, nullptr));
}

}  // namespace apitoken::serve
