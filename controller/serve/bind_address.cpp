// Parses addresses to listen on.
#include "serve/bind_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.hpp"

namespace apitoken::serve {
namespace {

bool is_host_character(char c, bool bracketed) {
  return is_letter_or_digit(c) || c == '.' || c == '-' || (bracketed && (c == ':' || c == '%'));
}

}  // namespace

std::string BindAddress::text() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<BindAddress> parse_bind_address(std::string_view text) {
  const auto refuse = [text] {
    return fail(ErrorKind::Invalid, fmt::format("\"{}\" is no address to listen on; allowed are "
                                                "host:port, :port and [IPv6]:port, with ports "
                                                "from 0 to 65535",
                                                text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse();
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);

  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!std::ranges::all_of(host, [bracketed](char c) { return is_host_character(c, bracketed); }))
    return refuse();

  BindAddress address{std::string(host), 0};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return refuse();
  return address;
}

}  // namespace apitoken::serve
