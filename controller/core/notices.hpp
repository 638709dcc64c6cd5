// Notices: the warnings about a token's expiry. Which reminder is due, what a notice says, and
// where the mails of a TokenExpiryConfig go. Pure; any thread.
//
// A notice is due when now >= expiresAt - reminder. Only the nearest due reminder is delivered. The
// expiry itself is the reminder 0s.
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

// Identifies a notice. Ordered by token, then expiry, then config, then reminder.
struct NoticeKey {
  std::string token_uid;
  WallTime expires_at{};
  std::string config;  // name of the TokenExpiryConfig; empty: the built-in default
  Seconds before{};    // the reminder

  auto operator<=>(const NoticeKey&) const = default;
  // "<uid>|<RFC 3339>|<config>|<seconds>s": Event names and Message-IDs are hashes of this text.
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
  bool warning = true;  // false: a Normal Event (a Temporary token expired, as it was meant to)

  bool operator==(const Notice&) const = default;
  api::ObjectKey token() const { return {ns, name}; }
};

// How the notices of one TokenExpiryConfig are delivered.
struct ConfigRoute {
  std::string config;  // its name; empty: the built-in default
  bool mails = false;  // spec.smtp is set; without it a notice is an Event alone
  bool list_given =
      false;  // spec.emails is not empty; without a valid address the mail waits for one
  std::vector<std::string> recipients;  // the valid addresses of spec.emails
  bool email_token_user =
      false;         // a token's user gets a mail of their own, if spec.user is an address
  Seconds digest{};  // the digest delay: a mail collects notices for this long
  std::vector<std::string> user_domains{};  // users of these domains alone get mail; lower case
  std::string user_prefix{};  // removed from spec.user to get the address, such as "oidc:"

  bool operator==(const ConfigRoute&) const = default;
};

// The names by which mails and Events tell where they come from, and the portal of their links.
struct Installation {
  std::string cluster_name;  // printable ASCII; empty: not said
  std::string portal_url;    // of the web portal, without a slash at its end; empty: no links

  bool operator==(const Installation&) const = default;
};
// The portal's page of a token; empty without a portal.
std::string portal_link(const Installation& installation, const api::ObjectKey& token);

// The reminder to deliver now: the nearest due one. Empty if the ledger has that one or a nearer
// one under `config`, or if none is due. `reminders` may be in any order.
std::optional<Seconds> due_notice(std::span<const Seconds> reminders, WallTime expires_at,
                                  std::string_view config, std::span<const api::NoticeEntry> ledger,
                                  WallTime now);
// When the next reminder becomes due; empty if all are due.
std::optional<WallTime> next_due(std::span<const Seconds> reminders, WallTime expires_at,
                                 WallTime now);

// The name of an Event about `object` (a DNS-1123 subdomain): "<object, cut>.<16 hex digits of the
// hash of fact>". Equal facts get equal names, so a restart cannot write an Event twice.
std::string event_name(std::string_view object, std::string_view fact);
// The Event of a notice: reason ExpiringSoon or Expired, on the ApiToken. Its note is shorter than
// 1 kB and has the portal's link if there is room.
api::Event notice_event(const Notice& notice, WallTime now, const Installation& installation = {});

// The shell command that rotates the token of a notice. Namespace and name are DNS-1123 and need no
// quotes.
std::string renew_command(const Notice& notice);

// "<32 hex digits@domain>". Equal for equal sets of notices and recipients, so that a mail that is
// sent again after a crash has the same Message-ID.
std::string message_id(std::vector<NoticeKey> keys, std::vector<std::string> recipients,
                       std::string_view domain);

// "in 6 days 23 hours", "2 hours ago", "now".
std::string describe_distance(WallTime when, WallTime now);

}  // namespace apitoken::core
