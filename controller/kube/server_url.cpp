// Checks a server's address.
#include "kube/server_url.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.hpp"

namespace apitoken::kube {
namespace {

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536;
}

bool is_host(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

bool is_ip_address(const std::string& host) {
  std::array<unsigned char, 16> bytes;
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || (host.starts_with("127.") && is_ip_address(host));
}

Result<ServerUrl> parse_server_url(std::string_view text, std::string_view where) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::Invalid, fmt::format("{}: server \"{}\" {}", where, text, why));
  };
  ServerUrl url;
  std::string_view rest = text;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  url.text = rest;
  url.tls = rest.starts_with("https://");
  if (!url.tls && !rest.starts_with("http://")) return refuse("must begin with https://");
  rest.remove_prefix(url.tls ? 8 : 7);
  // A user name or query may hold a credential, so the message does not repeat it.
  if (rest.find_first_of("@?#") != rest.npos) {
    return fail(ErrorKind::Invalid,
                fmt::format("{}: server must have no user name, query or fragment", where));
  }
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.starts_with('[')) {
    return refuse(
        "is an IPv6 literal, which is not supported; use a host name that resolves to it, such as "
        "kubernetes.default.svc");
  }
  const std::size_t colon = authority.find(':');
  url.host = authority.substr(0, colon);
  if (!is_host(url.host)) return refuse("has no usable host name");
  url.port = colon != authority.npos ? authority.substr(colon + 1) : url.tls ? "443" : "80";
  if (!is_port(url.port)) return refuse("has no usable port (1 to 65535)");
  url.prefix = rest.substr(authority.size());
  if (!url.tls && !is_loopback(url.host))
    return refuse("is not encrypted; use https:// (http:// is for loopback only)");
  return url;
}

}  // namespace apitoken::kube
