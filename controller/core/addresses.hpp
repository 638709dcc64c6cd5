// Parses the mail addresses and mail servers of a TokenExpiryConfig. Strict: a parsed value can
// be put into an SMTP command and in a header, since nothing in it can end a line or start a new
// field. Pure; any thread; asks no DNS and no server. Errors are Invalid and name the value, the
// fault and the form wanted. Sources: RFC 5322 section 3.4.1 (addr-spec, without its obsolete
// forms), RFC 5321 section 4.5.3.1 (lengths), RFC 6531 section 3.3 (UTF-8).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace apitoken::core {

// One addr-spec: ops@example.com, "on call"@example.com, ops@[192.0.2.1], jürgen@example.com (UTF-8
// before the @ needs a server with SMTPUTF8). Returns it with its domain in lower case.
Result<std::string> parse_address(std::string_view text);

struct AddressList {
  std::vector<std::string> addresses;  // in the order given, without repetitions
  std::vector<std::string> problems;   // for each bad address: which and why

  bool operator==(const AddressList&) const = default;
};
// Splits at semicolons outside quotation marks. Ignores blanks around addresses, empty items and a
// trailing semicolon.
AddressList parse_address_list(std::string_view text);

struct Mailbox {
  std::string display;  // UTF-8 without control characters, unquoted; may be empty
  std::string address;  // an addr-spec

  bool operator==(const Mailbox&) const = default;
};
// API tokens <tokens@example.com>, "Tokens, API" <tokens@example.com>, or the address alone, which
// is ASCII.
Result<Mailbox> parse_mailbox(std::string_view text);
// The part after the last @.
std::string_view domain_of(std::string_view address);

struct ServerAddress {
  std::string host;  // a DNS name or an IP address; IPv6 without brackets
  std::uint16_t port = 0;

  bool operator==(const ServerAddress&) const = default;
  std::string text() const;  // "host:port", "[::1]:port"
};
// host:port or [IPv6]:port.
Result<ServerAddress> parse_server(std::string_view text);

enum class TlsMode { StartTls, Implicit, None };
// Parses spec.smtp.tls; empty for an unknown value.
std::optional<TlsMode> parse_tls_mode(std::string_view text);

// The mechanism of a login. Parses spec.smtp.auth; empty for an unknown value.
enum class AuthMethod { Plain, Login, CramMd5 };
std::optional<AuthMethod> parse_auth_method(std::string_view text);

// A domain of emailDomains, in lower case.
Result<std::string> parse_domain(std::string_view text);
// The name for EHLO: a host name, in lower case, or an address in brackets.
Result<std::string> parse_helo(std::string_view text);

// Loopback; Private: RFC 1918, fc00::/7 and link-local; Public: any other address, and text that is
// no address.
enum class Reach { Loopback, Private, Public };
Reach reach_of(std::string_view address);

// Whether mail may go to `host` without TLS: localhost, a loopback, private or link-local address,
// or the name of a Service in the cluster (.svc, .cluster.local). This looks at the name alone; the
// mail channel checks the address that the name resolves to.
bool may_go_without_tls(std::string_view host);
// Whether a login may go there without TLS: localhost or a loopback address.
bool may_log_in_without_tls(std::string_view host);

// The mail address of a token's user: `user` without `prefix`, if that is a plain address (letters,
// digits and ._+-' before the @) in one of `domains` (lower case; subdomains do not count). Empty:
// no mail may go to this user.
std::optional<std::string> mailbox_of_user(std::string_view user, std::string_view prefix,
                                           const std::vector<std::string>& domains);

}  // namespace apitoken::core
