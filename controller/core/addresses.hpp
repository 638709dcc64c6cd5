// Mail addresses and mail servers as a TokenExpiryConfig writes them, judged strictly: what passes
// here can stand in an SMTP command and in a header without anything being injected. Pure; any
// thread. It asks no DNS and no server. Source: RFC 5322 section 3.4.1 (addr-spec, without its
// obsolete forms), RFC 5321 section 4.5.3.1 (lengths).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace apitoken::core {

// One addr-spec ("ops@example.com", "\"on call\"@example.com", "ops@[192.0.2.1]"), its domain in
// lower case. ASCII. Errors: Invalid, with the address (what is not printable replaced) and the
// reason.
Result<std::string> parse_address(std::string_view text);

struct AddressList {
  std::vector<std::string> addresses;  // in the order given, without repetitions
  std::vector<std::string> problems;   // one a bad address: which and why

  bool operator==(const AddressList&) const = default;
};
// Addresses separated by semicolons, those in quotation marks apart; blanks around them, empty
// places and a trailing semicolon are ignored.
AddressList parse_address_list(std::string_view text);

struct Mailbox {
  std::string display;  // UTF-8 without control characters, as people read it; may be empty
  std::string address;  // an addr-spec

  bool operator==(const Mailbox&) const = default;
};
// "API tokens <tokens@example.com>", "\"Tokens, API\" <tokens@example.com>" or the bare address.
// Errors: Invalid.
Result<Mailbox> parse_mailbox(std::string_view text);
// What follows the last @.
std::string_view domain_of(std::string_view address);

struct ServerAddress {
  std::string host;  // a DNS name or an IP address; IPv6 without brackets
  std::uint16_t port = 0;

  bool operator==(const ServerAddress&) const = default;
  std::string text() const;  // "host:port", "[::1]:port"
};
// Errors: Invalid: names what is missing and shows the form wanted.
Result<ServerAddress> parse_server(std::string_view text);

enum class TlsMode { StartTls, Implicit, None };
// The value of spec.smtp.tls; nothing for an unknown one.
std::optional<TlsMode> parse_tls_mode(std::string_view text);

// How a login is made; the value of spec.smtp.auth; nothing for an unknown one.
enum class AuthMethod { Plain, Login, CramMd5 };
std::optional<AuthMethod> parse_auth_method(std::string_view text);

// A domain of emailDomains, in lower case. Errors: Invalid.
Result<std::string> parse_domain(std::string_view text);
// What EHLO may say: a host name, in lower case, or an address in brackets. Errors: Invalid.
Result<std::string> parse_helo(std::string_view text);

// How far an IP address reaches: loopback; private (RFC 1918, fc00::/7) or link-local; anything
// else, text that is no address included.
enum class Reach { Loopback, Private, Public };
Reach reach_of(std::string_view address);

// Whether mail may go to `host` without TLS, as far as its name tells: localhost, a loopback,
// private or link-local address, or the name of a Service inside the cluster (".svc",
// ".svc.cluster.local", ".cluster.local"), whose traffic stays in it. The channel judges the
// address that the name leads to once more.
bool may_go_without_tls(std::string_view host);
// Whether a login may go there without TLS: localhost or a loopback address.
bool may_log_in_without_tls(std::string_view host);

// The mailbox of the person whom spec.user names: `user` without `prefix`, where it reads as a
// plain address (letters, digits and ._+-' before the @) of exactly one of `domains` (lower case).
// Nothing: no mail may go to this user.
std::optional<std::string> mailbox_of_user(std::string_view user, std::string_view prefix,
                                           const std::vector<std::string>& domains);

}  // namespace apitoken::core
