// Addresses and servers, read character by character against their grammars.
#include "core/addresses.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/ascii.hpp"
#include "core/plain_text.hpp"

namespace apitoken::core {
namespace {

constexpr std::size_t kMaxAddress = 254;
constexpr std::size_t kMaxLocalPart = 64;
constexpr std::size_t kMaxDomain = 253;
constexpr std::size_t kMaxDisplay = 128;

using Bytes4 = std::array<unsigned char, 4>;
using Bytes16 = std::array<unsigned char, 16>;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_atext(char c) {
  return is_letter_or_digit(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

std::string in_quotes(std::string_view text) {
  return fmt::format("\"{}\"", cut_text(plain_text(text), 80));
}

// Whether `good` holds for each label of a dotted name.
template <typename Good>
bool all_labels(std::string_view text, Good good) {
  while (true) {
    const auto dot = text.find('.');
    if (!good(text.substr(0, dot))) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// RFC 6531 section 3.3: also characters that are not ASCII.
bool is_atom(std::string_view label) {
  return !label.empty() && std::ranges::all_of(label, [](char c) {
    return is_atext(c) || static_cast<unsigned char>(c) >= 0x80;
  });
}

bool is_host_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

bool is_host_name(std::string_view text) {
  return text.size() <= kMaxDomain && all_labels(text, is_host_label);
}

std::optional<Bytes4> read_ipv4(std::string_view text) {
  Bytes4 bytes;
  if (inet_pton(AF_INET, std::string(text).c_str(), bytes.data()) != 1) return {};
  return bytes;
}

std::optional<Bytes16> read_ipv6(std::string_view text) {
  Bytes16 bytes;
  if (inet_pton(AF_INET6, std::string(text).c_str(), bytes.data()) != 1) return {};
  return bytes;
}

// An IPv4 address written as IPv6: ::ffff:192.0.2.1.
bool is_mapped(const Bytes16& a) {
  constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return std::equal(kMapped.begin(), kMapped.end(), a.begin());
}

// "[192.0.2.1]" or "[IPv6:2001:db8::1]", RFC 5321 section 4.1.3.
bool is_domain_literal(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  if (to_lower(text.substr(0, 5)) != "ipv6:") return read_ipv4(text).has_value();
  const auto v6 = read_ipv6(text.substr(5));
  return v6 && !is_mapped(*v6);
}

// The quoted-string at the beginning of `text`, with its quotation marks; empty if it has no end.
std::string_view quoted_prefix(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return text.substr(0, i + 1);
    if (text[i] == '\\') ++i;
  }
  return {};
}

// Why `text` cannot stand before the @; empty if it can.
std::optional<std::string_view> fault_of_local(std::string_view text) {
  if (text.empty()) return "has nothing before the @; write it as name@example.com";
  if (text.size() > kMaxLocalPart) return "has more than 64 characters before the @";
  if (text.front() == '"')
    return is_ascii(text) ? std::nullopt
                          : std::optional<std::string_view>(
                                "is quoted and not ASCII; remove the quotation marks");
  if (has_invisible(text)) return "has an invisible character before the @; remove it";
  if (!all_labels(text, is_atom))
    return "has a character or dot before the @ that may not stand there; remove it, or put all "
           "before the @ in quotation marks";
  return {};
}

// Why `text` is no address; empty if it is one.
std::optional<std::string_view> fault_of(std::string_view text) {
  if (text.empty()) return "is empty; write it as name@example.com";
  if (std::ranges::any_of(text, is_control)) return "has a control character; remove it";
  if (text.size() > kMaxAddress) return "is longer than 254 characters";
  auto at = text.rfind('@');
  if (text.front() == '"') {
    at = quoted_prefix(text).size();
    if (at == 0) return "has no closing quotation mark; add it before the @";
    if (at == text.size() || text[at] != '@')
      return "has no @ right after the closing quotation mark";
  }
  if (text.ends_with('>') && text.contains('<'))
    return "has a name beside it; write the address alone, without < and >";
  if (at == text.npos) return "has no @; write it as name@example.com";
  if (const auto fault = fault_of_local(text.substr(0, at))) return fault;
  const std::string_view domain = text.substr(at + 1);
  if (domain.empty()) return "has no domain; write it as name@example.com";
  if (!is_ascii(domain)) return "has a domain that is not ASCII; write it in its xn-- form";
  if (domain.front() == '[') {
    if (!is_domain_literal(domain)) return "has no IP address between the brackets";
  } else if (!is_host_name(domain)) {
    return "has no valid domain name after the @; write it as name@example.com";
  }
  return {};
}

// "a@example.com, b@example.com": several addresses, separated by commas as other programs want.
bool joins_by_commas(std::string_view text) {
  const auto comma = text.find(',');
  return comma != text.npos && text.find('@') < comma && text.find('@', comma) != text.npos;
}

Result<std::string> unquote(std::string_view text) {
  std::string result;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '"')
      return fail(ErrorKind::Invalid,
                  fmt::format("{} has a quotation mark within the name", in_quotes(text)));
    if (text[i] == '\\') {
      if (++i + 1 >= text.size())
        return fail(ErrorKind::Invalid,
                    fmt::format("{} has no closing quotation mark", in_quotes(text)));
    }
    result += text[i];
  }
  return result;
}

Result<std::string> parse_display(std::string_view text) {
  if (std::ranges::any_of(text, is_control)) {
    return fail(ErrorKind::Invalid,
                fmt::format("the name {} has a control character", in_quotes(text)));
  }
  if (text.size() > kMaxDisplay)
    return fail(ErrorKind::Invalid, "the name is longer than 128 bytes");
  if (!text.empty() && text.front() == '"') {
    if (text.size() < 2 || text.back() != '"') {
      return fail(ErrorKind::Invalid,
                  fmt::format("the name {} has no closing quotation mark", in_quotes(text)));
    }
    auto name = unquote(text);
    if (!name) return name;
    return plain_text(*name);
  }
  if (text.find_first_of("\"<>") != text.npos) {
    return fail(ErrorKind::Invalid,
                fmt::format("the name {} has a character that must be quoted", in_quotes(text)));
  }
  return plain_text(text);
}

Reach reach_of(const Bytes4& a) {
  if (a[0] == 127) return Reach::Loopback;
  const bool is_private = a[0] == 10 || (a[0] == 172 && (a[1] & 0xF0) == 16) ||
                          (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254);
  return is_private ? Reach::Private : Reach::Public;
}

Reach reach_of(const Bytes16& a) {
  constexpr Bytes16 kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (is_mapped(a)) return reach_of(Bytes4{a[12], a[13], a[14], a[15]});
  if (a == kLoopback) return Reach::Loopback;
  const bool is_private = (a[0] & 0xFE) == 0xFC || (a[0] == 0xFE && (a[1] & 0xC0) == 0x80);
  return is_private ? Reach::Private : Reach::Public;
}

// Whether the last label of `host` is a number. Programs take such a name for an IPv4 address:
// 127.1, 2130706433, 0x7f.1.
bool ends_in_number(std::string_view host) {
  const std::string label = to_lower(host.substr(host.rfind('.') + 1));
  if (std::ranges::all_of(label, is_digit)) return true;
  return label.starts_with("0x") && label.find_first_not_of("0123456789abcdef", 2) == label.npos;
}

// The shortest spelling of an IPv6 address, so that equal addresses are equal texts.
std::string shortest(const Bytes16& address) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, address.data(), text, sizeof text) ? text : "";
}

// Whether `text` can be the local part of a person's address. Names with '#', '/', '|' or ':' come
// from identity providers and are no mailboxes.
bool is_plain_local(std::string_view text) {
  const auto is_plain = [](char c) {
    return is_letter_or_digit(c) || std::string_view("._+-'").find(c) != std::string_view::npos;
  };
  return std::ranges::all_of(text, is_plain);
}

}  // namespace

Result<std::string> parse_address(std::string_view text) {
  if (const auto fault = fault_of(text))
    return fail(ErrorKind::Invalid, fmt::format("{} {}", in_quotes(text), *fault));
  const auto at = text.rfind('@');
  return std::string(text.substr(0, at)) + to_lower(text.substr(at));
}

AddressList parse_address_list(std::string_view text) {
  AddressList list;
  while (true) {
    text = trimmed(text);
    // Semicolons within a quoted-string belong to the address. Quotation marks without an end must
    // not swallow the addresses that follow.
    const auto end = text.find(';', text.starts_with('"') ? quoted_prefix(text).size() : 0);
    if (const std::string_view item = trimmed(text.substr(0, end)); !item.empty()) {
      auto address = parse_address(item);
      if (!address && joins_by_commas(item)) {
        list.problems.push_back(
            fmt::format("{} has a comma: separate addresses by semicolons (;)", in_quotes(item)));
      } else if (!address) {
        list.problems.push_back(std::move(address.error().message));
      } else if (std::ranges::find(list.addresses, *address) == list.addresses.end()) {
        list.addresses.push_back(std::move(*address));
      }
    }
    if (end == text.npos) return list;
    text.remove_prefix(end + 1);
  }
}

Result<Mailbox> parse_mailbox(std::string_view text) {
  text = trimmed(text, " \t");
  const auto open = text.find('<', text.starts_with('"') ? quoted_prefix(text).size() : 0);
  const bool bare = open == text.npos;
  if (!bare && text.back() != '>')
    return fail(ErrorKind::Invalid,
                fmt::format("{} does not end with the > of its address", in_quotes(text)));
  auto address = TRY(parse_address(bare ? text : text.substr(open + 1, text.size() - open - 2)));
  // Each mail would then need a server with SMTPUTF8, also for recipients in ASCII.
  if (!is_ascii(address))
    return fail(ErrorKind::Invalid,
                fmt::format("{} is not ASCII; send from an address that is", in_quotes(address)));
  auto display = bare ? std::string() : TRY(parse_display(trimmed(text.substr(0, open))));
  return Mailbox{std::move(display), std::move(address)};
}

std::string_view domain_of(std::string_view address) {
  const auto at = address.rfind('@');
  return at == address.npos ? std::string_view() : address.substr(at + 1);
}

std::string ServerAddress::text() const {
  return host.find(':') == host.npos ? fmt::format("{}:{}", host, port)
                                     : fmt::format("[{}]:{}", host, port);
}

Result<ServerAddress> parse_server(std::string_view text) {
  constexpr std::string_view kForm =
      "write host:port, for example smtp.example.com:587 or [2001:db8::1]:587";
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::Invalid, fmt::format("{} {}: {}", in_quotes(text), why, kForm));
  };
  const auto colon = text.rfind(':');
  if (colon == text.npos || text.ends_with(']')) return refuse("has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  std::uint32_t number = 0;
  for (char c : port) {
    if (c < '0' || c > '9' || number > 65535)
      return refuse("has a port that is no number from 1 to 65535");
    number = number * 10 + std::uint32_t(c - '0');
  }
  if (port.empty() || port.front() == '0' || number > 65535)
    return refuse("has a port that is no number from 1 to 65535");
  const auto port_number = static_cast<std::uint16_t>(number);
  if (host.starts_with('[')) {
    const auto v6 = host.ends_with(']') ? read_ipv6(host.substr(1, host.size() - 2)) : std::nullopt;
    if (!v6) return refuse("has no IPv6 address in its brackets");
    if (is_mapped(*v6))
      return refuse("has an IPv4 address in its brackets; write it without them, as 192.0.2.1:587");
    return ServerAddress{shortest(*v6), port_number};
  }
  if (!is_host_name(host)) return refuse("has no valid host");
  if (ends_in_number(host) && !read_ipv4(host))
    return refuse("has no IPv4 address of four numbers, and no host name");
  return ServerAddress{to_lower(host), port_number};
}

std::optional<TlsMode> parse_tls_mode(std::string_view text) {
  if (text == "StartTLS") return TlsMode::StartTls;
  if (text == "Implicit") return TlsMode::Implicit;
  if (text == "None") return TlsMode::None;
  return {};
}

std::optional<AuthMethod> parse_auth_method(std::string_view text) {
  if (text == "PLAIN") return AuthMethod::Plain;
  if (text == "LOGIN") return AuthMethod::Login;
  if (text == "CRAM-MD5") return AuthMethod::CramMd5;
  return {};
}

Result<std::string> parse_domain(std::string_view text) {
  if (!is_host_name(text)) {
    return fail(ErrorKind::Invalid,
                fmt::format("{} is no domain name; write one like example.com, without an @",
                            in_quotes(text)));
  }
  if (ends_in_number(text))
    return fail(ErrorKind::Invalid, fmt::format("{} is an address, not a domain", in_quotes(text)));
  return to_lower(text);
}

Result<std::string> parse_helo(std::string_view text) {
  if (is_domain_literal(text)) return std::string(text);
  if (is_host_name(text) && !ends_in_number(text)) return to_lower(text);
  return fail(ErrorKind::Invalid,
              fmt::format("{} is neither a host name nor an address in brackets; write one like "
                          "tokens.example.com or [192.0.2.1]",
                          in_quotes(text)));
}

Reach reach_of(std::string_view address) {
  if (const auto v4 = read_ipv4(address)) return reach_of(*v4);
  if (const auto v6 = read_ipv6(address)) return reach_of(*v6);
  return Reach::Public;
}

bool may_go_without_tls(std::string_view host) {
  const std::string name = to_lower(host);
  return reach_of(host) != Reach::Public || name == "localhost" || name.ends_with(".svc") ||
         name.ends_with(".cluster.local");
}

bool may_log_in_without_tls(std::string_view host) {
  return reach_of(host) == Reach::Loopback || to_lower(host) == "localhost";
}

std::optional<std::string> mailbox_of_user(std::string_view user, std::string_view prefix,
                                           const std::vector<std::string>& domains) {
  if (!prefix.empty() && user.starts_with(prefix)) user.remove_prefix(prefix.size());
  auto address = parse_address(user);
  if (!address || !is_plain_local(address->substr(0, address->rfind('@')))) return {};
  if (std::ranges::find(domains, domain_of(*address)) == domains.end()) return {};
  return std::move(*address);
}

}  // namespace apitoken::core
