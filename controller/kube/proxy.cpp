// Proxies by the rules of Go: golang.org/x/net/http/httpproxy.
#include "kube/proxy.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "base/ascii.hpp"

namespace apitoken::kube {
namespace {

constexpr std::size_t kMaxSocksLogin = 255;  // bytes of a user or password

struct Scheme {
  std::string_view name;
  Proxy::Kind kind;
  std::string_view port;  // if the address names none
};

constexpr std::array kSchemes = {
    Scheme{"http", Proxy::Kind::Http, "80"}, Scheme{"https", Proxy::Kind::Https, "443"},
    Scheme{"socks5", Proxy::Kind::Socks5, "1080"}, Scheme{"socks5h", Proxy::Kind::Socks5, "1080"}};

// The value of the first variable that is not empty.
struct Variable {
  std::string name, value;
};

Variable first_of(const char* upper, const char* lower) {
  for (const char* name : {upper, lower}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != 0) return {name, value};
  }
  return {};
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// An IPv4 address has 4 bytes, also if it is written as an IPv6 address (::ffff:10.0.0.1).
struct Address {
  std::array<unsigned char, 16> bytes{};
  int size = 0;
  bool operator==(const Address&) const = default;
};

std::optional<Address> parse_address(const std::string& text) {
  Address address;
  if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
    address.size = 4;
    return address;
  }
  if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) != 1) return {};
  constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  address.size = 16;
  if (!std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) return address;
  std::shift_left(address.bytes.begin(), address.bytes.end(), kMapped.size());
  std::fill(address.bytes.begin() + 4, address.bytes.end(), 0);
  address.size = 4;
  return address;
}

bool is_loopback_address(const Address& address) {
  if (address.size == 4) return address.bytes[0] == 127;
  Address one{.bytes = {}, .size = 16};
  one.bytes[15] = 1;
  return address == one;
}

// Whether the network `entry`, a CIDR such as "10.0.0.0/8", has the address `host`. Empty if
// `entry` is no CIDR.
std::optional<bool> cidr_has(const std::string& entry, const std::optional<Address>& host) {
  const auto slash = entry.find('/');
  if (slash == entry.npos) return {};
  const auto network = parse_address(entry.substr(0, slash));
  int bits = 0;
  const char* const end = entry.data() + entry.size();
  const auto [stop, error] = std::from_chars(entry.data() + slash + 1, end, bits);
  if (!network || error != std::errc() || stop != end || bits < 0 || bits > network->size * 8)
    return {};
  if (!host || host->size != network->size) return false;
  for (int i = 0; i < bits; ++i) {
    const int mask = 0x80 >> (i % 8);
    if ((host->bytes[i / 8] & mask) != (network->bytes[i / 8] & mask)) return false;
  }
  return true;
}

struct HostPort {
  std::string host, port;
};

// "host:port", "[IPv6]:port"; of anything else all of it is the host.
HostPort split_port(const std::string& entry) {
  const auto colon = entry.rfind(':');
  const bool bracketed = entry.starts_with('[');
  const bool has_port =
      colon != entry.npos && (bracketed ? entry[colon - 1] == ']' : entry.find(':') == colon);
  if (!has_port) return {entry, ""};
  return {bracketed ? entry.substr(1, colon - 2) : entry.substr(0, colon), entry.substr(colon + 1)};
}

bool exempts(const std::string& entry, const std::string& host,
             const std::optional<Address>& address, std::string_view port) {
  if (entry == "*") return true;
  if (const auto inside = cidr_has(entry, address)) return *inside;
  auto [name, wanted_port] = split_port(entry);
  if (name.empty() || (!wanted_port.empty() && wanted_port != port)) return false;
  if (const auto listed = parse_address(name)) return address && *listed == *address;
  if (address) return false;
  if (name.starts_with("*.")) name.erase(0, 1);
  if (name.starts_with('.')) return host.ends_with(name);
  return host == name || host.ends_with("." + name);
}

}  // namespace

std::string Proxy::address(std::string_view login) const {
  const auto* const scheme = std::ranges::find(kSchemes, kind, &Scheme::kind);
  const bool bracketed = host.find(':') != host.npos;
  return fmt::format("{}://{}{}{}{}:{}", scheme->name, login, bracketed ? "[" : "", host,
                     bracketed ? "]" : "", port);
}

Result<Proxy> parse_proxy(std::string_view text, std::string_view where) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::Invalid,
                fmt::format("{} {}; write http://HOST:PORT, https://HOST:PORT or "
                            "socks5://HOST:PORT, with USER:PASSWORD@ before HOST for a login",
                            where, why));
  };
  const auto mark = text.find("://");
  const auto* const scheme = std::ranges::find(
      kSchemes, mark == text.npos ? "http" : to_lower(text.substr(0, mark)), &Scheme::name);
  if (scheme == kSchemes.end()) return refuse("has the scheme of no proxy that is known here");
  std::string_view rest = mark == text.npos ? text : text.substr(mark + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  Proxy proxy;
  proxy.kind = scheme->kind;
  if (const auto at = rest.rfind('@'); at != rest.npos) {
    const std::string_view login = rest.substr(0, at);
    const auto colon = std::min(login.find(':'), login.size());
    proxy.user = percent_decode(login.substr(0, colon));
    if (colon < login.size())
      proxy.password = SecretString(percent_decode(login.substr(colon + 1)));
    rest = rest.substr(at + 1);
  }
  if (proxy.kind == Proxy::Kind::Socks5 &&
      std::max(proxy.user.size(), proxy.password.size()) > kMaxSocksLogin) {
    return refuse(fmt::format(
        "has a user or password of more than {} bytes, which SOCKS5 cannot carry", kMaxSocksLogin));
  }
  HostPort place = split_port(std::string(rest));
  if (place.host.starts_with('[') && place.host.ends_with(']'))
    place.host = place.host.substr(1, place.host.size() - 2);
  // The checks of a server's address apply to a proxy's, but they refuse IPv6 addresses.
  const bool bracketed = rest.starts_with('[');
  const bool ipv6 =
      bracketed && place.host.find(':') != place.host.npos && parse_address(place.host).has_value();
  if (bracketed != ipv6 ||
      !parse_server_url(fmt::format("https://{}{}{}", ipv6 ? "ipv6" : place.host,
                                    place.port.empty() ? "" : ":", place.port),
                        ""))
    return refuse("has no usable host and port");
  proxy.host = std::move(place.host);
  proxy.port = place.port.empty() ? std::string(scheme->port) : std::move(place.port);
  return proxy;
}

bool is_exempt_from_proxy(std::string_view no_proxy, std::string_view host, std::string_view port) {
  const std::string name = to_lower(trimmed(host));
  const auto address = parse_address(name);
  if (name == "localhost" || (address && is_loopback_address(*address))) return true;
  while (!no_proxy.empty()) {
    const std::string_view piece = no_proxy.substr(0, no_proxy.find(','));
    if (exempts(to_lower(trimmed(piece)), name, address, port)) return true;
    no_proxy.remove_prefix(std::min(no_proxy.size(), piece.size() + 1));
  }
  return false;
}

Result<std::optional<Proxy>> proxy_of_environment(const ServerUrl& server) {
  // A server without TLS is on a loopback address, which is never proxied; so HTTP_PROXY has no
  // use.
  const Variable named = first_of("HTTPS_PROXY", "https_proxy");
  if (!server.tls || named.value.empty()) return std::nullopt;
  const Variable exempt = first_of("NO_PROXY", "no_proxy");
  if (is_exempt_from_proxy(exempt.value, server.host, server.port)) return std::nullopt;
  const char* const pod = std::getenv("KUBERNETES_SERVICE_HOST");
  if (server.host == kApiServerName && pod != nullptr &&
      is_exempt_from_proxy(exempt.value, pod, server.port))
    return std::nullopt;
  Result<Proxy> proxy = parse_proxy(named.value, "the environment variable " + named.name);
  if (proxy) return std::move(*proxy);
  proxy.error().message +=
      fmt::format("; if {} is to be reached without a proxy, add it to NO_PROXY", server.host);
  return std::unexpected(std::move(proxy.error()));
}

}  // namespace apitoken::kube
