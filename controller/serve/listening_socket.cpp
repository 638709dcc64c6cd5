// Sockets: one for IPv6 and IPv4 where the address stands for all interfaces.
#include "serve/listening_socket.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace apitoken::serve {
namespace {

constexpr int kBacklog = 4096;  // the system cuts it to net.core.somaxconn

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
  if (where.ai_family == AF_INET6)
    setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (bind(socket.get(), where.ai_addr, where.ai_addrlen) != 0) return std::unexpected(errno);
  if (listen(socket.get(), kBacklog) != 0) return std::unexpected(errno);
  return socket;
}

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// Errors: the reason, as text.
std::expected<AddressList, std::string> resolve(const BindAddress& address, const char* host,
                                                int family) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host, std::to_string(address.port).c_str(), &hints, &found);
  if (error != 0)
    return std::unexpected(error == EAI_SYSTEM ? errno_text(errno) : gai_strerror(error));
  return AddressList(found, &freeaddrinfo);
}

// As Go: of a name's addresses the first IPv4 address.
const addrinfo& preferred(const AddressList& list) {
  for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next)
    if (one->ai_family == AF_INET) return *one;
  return *list;
}

// As in Go: each of these hosts, not only an empty one, means all interfaces, IPv6 and IPv4.
bool is_everywhere(std::string_view host) {
  return host.empty() || host == "0.0.0.0" || host == "::";
}

// One socket: for all interfaces one that takes IPv6 and IPv4, or IPv4 alone where the machine has
// no IPv6.
std::expected<Socket, std::string> open_socket(const BindAddress& address) {
  if (!is_everywhere(address.host)) {
    const auto list = TRY(resolve(address, address.host.c_str(), AF_UNSPEC));
    auto socket = listen_on(preferred(list), false);
    if (!socket) return std::unexpected(errno_text(socket.error()));
    return std::move(*socket);
  }
  int error = 0;
  for (const auto& [host, family] : {std::pair("::", AF_INET6), std::pair("0.0.0.0", AF_INET)}) {
    const auto list = TRY(resolve(address, host, family));
    auto socket = listen_on(*list, true);
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

}  // namespace

bool ListeningSocket::is_loopback() const {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &size) != 0) return false;
  if (name.ss_family == AF_INET6)
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<sockaddr_in6&>(name).sin6_addr);
  return ntohl(reinterpret_cast<sockaddr_in&>(name).sin_addr.s_addr) >> IN_CLASSA_NSHIFT ==
         IN_LOOPBACKNET;
}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) close(fd_);
}

Result<ListeningSocket> ListeningSocket::open(std::string_view flag, std::string_view text) {
  auto address = parse_bind_address(text);
  if (!address)
    return fail(ErrorKind::Invalid, fmt::format("{}: {}", flag, address.error().message));
  auto socket = open_socket(*address);
  if (!socket)
    return fail(ErrorKind::Unavailable, fmt::format("{} {}: {}", flag, text, socket.error()));
  address->port = port_of(*socket);
  return ListeningSocket(socket->release(), std::move(*address));
}

}  // namespace apitoken::serve
