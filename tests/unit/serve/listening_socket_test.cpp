// Where a listening socket can be reached, as Go programs listen.
#include "serve/listening_socket.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

namespace apitoken::serve {
namespace {

bool takes_ipv4(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  close(fd);
  return connected;
}

// Empty if this machine has no IPv6.
std::optional<bool> takes_ipv6(std::uint16_t port) {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return {};
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_addr = in6addr_loopback;
  sockaddr_in6 any = to;
  std::optional<bool> connected;
  if (bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0) {
    to.sin6_port = htons(port);
    connected = connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  close(fd);
  return connected;
}

TEST(ListeningSocket, TakesIpv4AndIpv6IfItsAddressStandsForAllInterfaces) {
  for (const char* address : {":0", "[::]:0", "0.0.0.0:0"}) {
    const auto socket = ListeningSocket::open("--metrics-bind-address", address);
    ASSERT_TRUE(socket) << address << ": " << socket.error().message;
    EXPECT_TRUE(takes_ipv4(socket->address().port)) << address;
    EXPECT_NE(takes_ipv6(socket->address().port), std::optional(false)) << address;
    EXPECT_FALSE(socket->is_loopback()) << address;
  }
}

TEST(ListeningSocket, TakesIpv4ByANameThatHasAnIpv4Address) {
  for (const char* address : {"localhost:0", "127.0.0.1:0"}) {
    const auto socket = ListeningSocket::open("--metrics-bind-address", address);
    ASSERT_TRUE(socket) << address << ": " << socket.error().message;
    EXPECT_TRUE(takes_ipv4(socket->address().port)) << address;
    EXPECT_TRUE(socket->is_loopback()) << address;
  }
}

TEST(ListeningSocket, NamesFlagAndAddressThatItCannotUse) {
  const auto wrong = ListeningSocket::open("--metrics-bind-address", "8080");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, testing::HasSubstr("--metrics-bind-address: \"8080\""));
  const auto nowhere = ListeningSocket::open("--metrics-bind-address", "no-such-host.invalid:0");
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message,
              testing::HasSubstr("--metrics-bind-address no-such-host.invalid:0"));
}

}  // namespace
}  // namespace apitoken::serve
