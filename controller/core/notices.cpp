// Keys, names and due times of notices.
#include "core/notices.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/dns_name.hpp"
#include "core/hash.hpp"
#include "core/plain_text.hpp"

namespace apitoken::core {
namespace {

constexpr std::size_t kHashDigits = 16;
constexpr std::size_t kMaxNote = 1000;  // the API server refuses notes of 1 kB and more

std::string event_note(const Notice& notice, WallTime now, const Installation& installation) {
  const WallTime expiry = notice.key.expires_at;
  const bool is_expired = expiry <= now;
  std::string note = fmt::format(
      "API token {} of {} {} at {}, {}.", notice.token_id, cut_text(plain_text(notice.user), 256),
      is_expired ? "expired" : "expires", format_rfc3339(expiry), describe_distance(expiry, now));
  if (notice.warning) {
    note += " Renew it: " + renew_command(notice);
  }
  if (const std::string link = portal_link(installation, notice.token()); !link.empty()) {
    const std::string more = " Open in the portal: " + link;
    if (note.size() + more.size() <= kMaxNote) note += more;
  }
  return note;
}

}  // namespace

std::string portal_link(const Installation& installation, const api::ObjectKey& token) {
  if (installation.portal_url.empty()) return "";
  return fmt::format("{}/tokens/{}/{}", installation.portal_url, token.ns, token.name);
}

std::string renew_command(const Notice& notice) {
  return fmt::format(
      "kubectl -n {} annotate apitoken {} --overwrite {}=$(date -u +%Y-%m-%dT%H:%M:%SZ)", notice.ns,
      notice.name, api::kRotateRequestAnnotation);
}

std::string NoticeKey::text() const {
  return fmt::format("{}|{}|{}|{}s", token_uid, format_rfc3339(expires_at), config, before.count());
}

std::optional<Seconds> due_notice(std::span<const Seconds> reminders, WallTime expires_at,
                                  std::string_view config, std::span<const api::NoticeEntry> ledger,
                                  WallTime now) {
  std::optional<Seconds> nearest;
  for (const Seconds reminder : reminders) {
    if (now >= expires_at - reminder && (!nearest || reminder < *nearest)) nearest = reminder;
  }
  if (!nearest) return {};
  const bool in_ledger = std::ranges::any_of(ledger, [&](const api::NoticeEntry& entry) {
    return entry.config == config && entry.before <= *nearest;
  });
  return in_ledger ? std::nullopt : nearest;
}

std::optional<WallTime> next_due(std::span<const Seconds> reminders, WallTime expires_at,
                                 WallTime now) {
  std::optional<WallTime> next;
  for (const Seconds reminder : reminders) {
    const WallTime due = expires_at - reminder;
    if (due > now && (!next || due < *next)) next = due;
  }
  return next;
}

std::string event_name(std::string_view object, std::string_view fact) {
  std::string_view stem = object.substr(0, kMaxSubdomain - kHashDigits - 1);
  while (!stem.empty() && (stem.back() == '-' || stem.back() == '.')) stem.remove_suffix(1);
  return fmt::format("{}.{}", stem.empty() ? "event" : stem,
                     sha256_hex(fact).substr(0, kHashDigits));
}

api::Event notice_event(const Notice& notice, WallTime now, const Installation& installation) {
  const bool is_expiry = notice.key.before == Seconds(0);
  api::Event event;
  event.ns = notice.ns;
  event.name = event_name(notice.name, notice.key.text());
  event.regarding = {std::string(api::kApiVersion), std::string(api::kApiTokenKind), notice.ns,
                     notice.name, notice.key.token_uid};
  event.warning = notice.warning;
  event.reason = is_expiry ? api::reason::kExpired : api::reason::kExpiringSoon;
  event.action = is_expiry ? "Expire" : "Remind";
  event.note = event_note(notice, now, installation);
  return event;
}

std::string message_id(std::vector<NoticeKey> keys, std::vector<std::string> recipients,
                       std::string_view domain) {
  std::ranges::sort(keys);
  std::ranges::sort(recipients);
  std::string text;
  for (const NoticeKey& key : keys) text += key.text() + "\n";
  for (const std::string& recipient : recipients) text += recipient + "\n";
  return fmt::format("<{}@{}>", sha256_hex(text).substr(0, 32), domain);
}

std::string describe_distance(WallTime when, WallTime now) {
  if (when == now) return "now";
  if (when < now) return describe_duration(now - when) + " ago";
  return "in " + describe_duration(when - now);
}

}  // namespace apitoken::core
