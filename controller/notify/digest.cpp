// The words of a digest, and its MIME form.
#include "notify/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/duration.hpp"
#include "core/hash.hpp"
#include "core/plain_text.hpp"
#include "notify/mail_text.hpp"

namespace apitoken::notify {
namespace {

constexpr Seconds kDay{86400};
constexpr Seconds kHour{3600};

// What renews a token, in text; each paragraph is a line. The only place that says so in a mail.
constexpr std::string_view kRenewal[] = {
    "Run the line \"renew it\" of the token. A new value with a full lifetime takes its place in "
    "the Secret; the old "
    "one "
    "goes on working for a while (spec.rotation.overlap), so that whoever uses it can follow. An "
    "expired token is "
    "renewed "
    "the same way.",
    "Pods that mount the Secret see the new value within about a minute; those that read it into "
    "environment variables "
    "have to be restarted. Somebody outside the cluster has to be given the new value.",
    "Set spec.rotation.policy of a Permanent token to Automatic, and nobody has to do it the next "
    "time.",
    "If nobody needs the token any more, delete the ApiToken: its Secret goes with it.",
};

using Notices = std::vector<core::Notice>;

struct Counts {
  std::size_t all = 0;
  std::size_t expired = 0;
  std::size_t ahead() const { return all - expired; }
};

bool is_over(const core::Notice& notice, WallTime now) { return notice.key.expires_at <= now; }

// By expiry, then by name.
Notices in_order(const Digest& digest) {
  Notices sorted = digest.notices;
  if (digest.to_user) {
    for (core::Notice& notice : sorted) notice.description.clear();
  }
  std::ranges::sort(sorted, [](const core::Notice& a, const core::Notice& b) {
    return std::tie(a.key.expires_at, a.ns, a.name, a.key) <
           std::tie(b.key.expires_at, b.ns, b.name, b.key);
  });
  return sorted;
}

Counts count(const Digest& digest) {
  Counts counts{digest.notices.size(), 0};
  for (const auto& notice : digest.notices) counts.expired += is_over(notice, digest.now);
  return counts;
}

std::string tokens(std::size_t count) {
  return count == 1 ? "1 API token" : fmt::format("{} API tokens", count);
}

// "7 days", "18 hours": rounded up, so that "within" holds.
std::string within(Seconds ahead) {
  const Seconds unit = ahead > 2 * kDay ? kDay : kHour;
  return describe_duration((ahead + unit - Seconds(1)) / unit * unit);
}

// "3 API tokens expire within 7 days" and its kin, without what comes first.
std::string headline(const Digest& digest) {
  const Counts counts = count(digest);
  const auto says_expired = [](std::size_t n) {
    return fmt::format("{} {} expired", tokens(n), n == 1 ? "has" : "have");
  };
  if (counts.ahead() == 0) return says_expired(counts.expired);
  WallTime last{};
  for (const auto& notice : digest.notices) last = std::max(last, notice.key.expires_at);
  const std::string ahead = fmt::format("{} expire{} within {}", tokens(counts.ahead()),
                                        counts.ahead() == 1 ? "s" : "", within(last - digest.now));
  return counts.expired == 0 ? ahead : fmt::format("{}, {}", says_expired(counts.expired), ahead);
}

std::string expiry_line(const core::Notice& notice, WallTime now) {
  return fmt::format("{}, {}", utc_minute(notice.key.expires_at),
                     core::describe_distance(notice.key.expires_at, now));
}

// Namespace and name are DNS-1123 and fit for a shell as they are.
std::string kubectl(const core::Notice& notice, std::string_view verb,
                    std::string_view options = "") {
  return fmt::format("kubectl -n {} {} apitoken {}{}", notice.ns, verb, notice.name, options);
}

std::string text_of(const core::Notice& notice, std::size_t number, WallTime now) {
  std::string text = fmt::format("{}. {}/{} ({}, token ID {})\n", number, notice.ns, notice.name,
                                 notice.type, notice.token_id);
  const auto line = [&](std::string_view label, std::string_view value) {
    text += fmt::format("   {:<13}{}\n", label, value);
  };
  line(is_over(notice, now) ? "expired:" : "expires:", expiry_line(notice, now));
  line("user:", core::plain_text(notice.user));
  if (!notice.description.empty()) line("description:", core::plain_text(notice.description));
  line("look at it:", kubectl(notice, "get", " -o wide"));
  line("", kubectl(notice, "describe"));
  line("renew it:", core::renew_command(notice));
  line("delete it:", kubectl(notice, "delete"));
  return text + "\n";
}

std::string html_row(const core::Notice& notice, WallTime now) {
  const auto cell = [](std::string_view text) {
    return fmt::format("<td>{}</td>", escape_html(text));
  };
  const std::string description = core::plain_text(notice.description);
  return fmt::format(
      "<tr>{}{}{}{}{}</tr>\n<tr><td colspan=\"5\"><pre>{}\n{}\n{}\n{}</pre></td></tr>\n",
      cell(fmt::format("{}/{}", notice.ns, notice.name)), cell(expiry_line(notice, now)),
      cell(core::plain_text(notice.user)),
      cell(fmt::format("{}, token ID {}", notice.type, notice.token_id)), cell(description),
      escape_html(kubectl(notice, "get", " -o wide")), escape_html(kubectl(notice, "describe")),
      escape_html(core::renew_command(notice)), escape_html(kubectl(notice, "delete")));
}

std::string unlisted(std::size_t all) {
  if (all <= kMaxListed) return "";
  return fmt::format(
      "... and {} more, which expire later. See all: kubectl get apitokens -A "
      "--sort-by=.status.expiresAt",
      all - kMaxListed);
}

std::string part(std::string_view boundary, std::string_view type, std::string_view body) {
  return fmt::format(
      "--{}\r\nContent-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n{}\r\n",
      boundary, type, quoted_printable(body));
}

}  // namespace

std::string digest_subject(const Digest& digest) {
  if (digest.notices.empty()) return headline(digest);
  const Notices sorted = in_order(digest);
  const core::Notice& first = sorted.front();
  const std::string name = fmt::format("{}/{}", first.ns, first.name);
  const std::string day = utc_day(first.key.expires_at);
  const std::string subject =
      sorted.size() == 1 ? fmt::format("{}, on {} ({})", headline(digest), day, name)
                         : fmt::format("{}, the first on {} ({})", headline(digest), day, name);
  return core::plain_text(subject);
}

std::string digest_text(const Digest& digest) {
  const Notices sorted = in_order(digest);
  std::string text = headline(digest) + ".\n\n";
  const std::size_t listed = std::min(sorted.size(), kMaxListed);
  for (std::size_t i = 0; i < listed; ++i) text += text_of(sorted[i], i + 1, digest.now);
  if (const auto rest = unlisted(sorted.size()); !rest.empty()) text += rest + "\n\n";
  text += "How to renew a token\n\n";
  for (const std::string_view way : kRenewal) text += fmt::format("- {}\n", way);
  text += "\nThis mail was sent by apitoken-operator, as the platform's TokenExpiryConfig asks.\n";
  return text;
}

std::string digest_html(const Digest& digest) {
  const Notices sorted = in_order(digest);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title></head>\n"
      "<body style=\"font-family:sans-serif\">\n<h2>{0}</h2>\n"
      "<table border=\"1\" cellpadding=\"6\" style=\"border-collapse:collapse\">\n"
      "<tr><th>ApiToken</th><th>Expiry</th><th>User</th><th>Type</th><th>Description</th></tr>\n",
      escape_html(headline(digest)));
  const std::size_t listed = std::min(sorted.size(), kMaxListed);
  for (std::size_t i = 0; i < listed; ++i) html += html_row(sorted[i], digest.now);
  html += "</table>\n";
  if (const auto rest = unlisted(sorted.size()); !rest.empty())
    html += fmt::format("<p>{}</p>\n", escape_html(rest));
  html += "<h3>How to renew a token</h3>\n<ul>\n";
  for (const std::string_view way : kRenewal)
    html += fmt::format("<li>{}</li>\n", escape_html(way));
  html +=
      "</ul>\n<p>This mail was sent by apitoken-operator, as the platform's TokenExpiryConfig "
      "asks.</p>\n</body></html>\n";
  return html;
}

std::string render_mail(const Digest& digest) {
  // "=_" cannot occur in quoted-printable text.
  const std::string boundary = "=_" + core::sha256_hex(digest.message_id).substr(0, 32);
  std::string mail = header_line("Date", mail_date(digest.now));
  mail += fmt::format("From: {}\r\n", render_mailbox(digest.from));
  mail += address_line("To", digest.recipients);
  mail += header_line("Subject", digest_subject(digest));
  mail += fmt::format("Message-ID: {}\r\n", digest.message_id);
  mail +=
      "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n";
  mail += fmt::format("Content-Type: multipart/alternative;\r\n boundary=\"{}\"\r\n\r\n", boundary);
  mail += part(boundary, "text/plain", digest_text(digest));
  mail += part(boundary, "text/html", digest_html(digest));
  mail += fmt::format("--{}--\r\n", boundary);
  return mail;
}

}  // namespace apitoken::notify
