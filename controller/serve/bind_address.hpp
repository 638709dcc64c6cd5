// Addresses to listen on, as flags give them. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace apitoken::serve {

// Where nothing shall listen, the flag's value is this.
inline constexpr std::string_view kNoAddress = "0";

struct BindAddress {
  std::string
      host;  // an IP address or a name; IPv6 without brackets; empty: all interfaces, IPv4 and IPv6
  std::uint16_t port = 0;  // 0: any free one

  bool operator==(const BindAddress&) const = default;
  std::string text() const;
};

// "host:port", ":port" or "[::1]:port". Errors: Invalid, showing the forms allowed.
Result<BindAddress> parse_bind_address(std::string_view text);

}  // namespace apitoken::serve
