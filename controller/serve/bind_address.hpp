// Addresses to listen on, as flags give them. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace apitoken::serve {

// The flag's value that means: do not listen.
inline constexpr std::string_view kNoAddress = "0";

struct BindAddress {
  // An IP address (IPv6 without brackets) or a name; empty: all interfaces, IPv4 and IPv6.
  std::string host;
  std::uint16_t port = 0;  // 0: any free port

  bool operator==(const BindAddress&) const = default;
  std::string text() const;
};

// Parses "host:port", ":port" or "[::1]:port". Errors: Invalid, showing the allowed forms.
Result<BindAddress> parse_bind_address(std::string_view text);

}  // namespace apitoken::serve
