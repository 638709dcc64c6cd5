// Notices: what is told about a token's expiry, to whom, under which name; and which reminder is
// due. Pure; any thread. A notice is due when now >= expiresAt - reminder; only the nearest due
// reminder is told. The expiry itself is the reminder 0s.
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_token.hpp"
#include "api/event.hpp"

namespace apitoken::core {

// Names one notice. Keys of one token, and within it of one expiry and one config, are neighbours
// in their order.
struct NoticeKey {
  std::string token_uid;
  WallTime expires_at{};
  std::string config;  // name of the TokenExpiryConfig; empty: the built-in default
  Seconds before{};    // the reminder

  auto operator<=>(const NoticeKey&) const = default;
  // "<uid>|<RFC 3339>|<config>|<seconds>s": the text that names and Message-IDs are hashed from.
  std::string text() const;
};

// What a mail and an Event say about one token.
struct Notice {
  NoticeKey key;
  std::string ns;
  std::string name;
  std::string user;
  std::string token_id;
  std::string type;
  std::string description;
  bool warning = true;  // false: a Normal Event (a Temporary token came to its end)

  bool operator==(const Notice&) const = default;
  api::ObjectKey token() const { return {ns, name}; }
};

// Where the notices of one TokenExpiryConfig go.
struct ConfigRoute {
  std::string config;  // its name; empty: the built-in default
  bool mails = false;  // it has smtp; without, an Event is all
  bool list_given =
      false;  // spec.emails names somebody; with no valid one the mail waits for an address
  std::vector<std::string> recipients;  // the valid addresses
  bool email_token_user =
      false;         // the token's user gets a mail of their own, where spec.user is an address
  Seconds digest{};  // collect for this long
  std::vector<std::string> user_domains{};  // the only domains of users who get mail; lower case
  std::string user_prefix{};  // what spec.user bears before the address, such as "oidc:"

  bool operator==(const ConfigRoute&) const = default;
};

// The reminder to tell now: the nearest due one, unless it or a nearer one stands in the ledger
// under `config`. Reminders in any order. An entry of the ledger counts as told.
std::optional<Seconds> due_notice(std::span<const Seconds> reminders, WallTime expires_at,
                                  std::string_view config, std::span<const api::NoticeEntry> ledger,
                                  WallTime now);
// When the next reminder that is not due yet becomes due.
std::optional<WallTime> next_due(std::span<const Seconds> reminders, WallTime expires_at,
                                 WallTime now);

// The name of an Event about `object` (a DNS-1123 subdomain): "<object, cut>.<16 hex digits of
// fact's hash>"; equal facts get equal names.
std::string event_name(std::string_view object, std::string_view fact);
// The Event of a notice: reason ExpiringSoon or Expired, on the ApiToken.
api::Event notice_event(const Notice& notice, WallTime now);

// The line for a shell that rotates the token of a notice. Namespace and name are DNS-1123 and
// stand in it as they are.
std::string renew_command(const Notice& notice);

// "<32 hex digits@domain>": the same for the same notices and recipients in any order.
std::string message_id(std::vector<NoticeKey> keys, std::vector<std::string> recipients,
                       std::string_view domain);

// "in 6 days 23 hours", "2 hours ago", "now": for people.
std::string describe_distance(WallTime when, WallTime now);

}  // namespace apitoken::core
