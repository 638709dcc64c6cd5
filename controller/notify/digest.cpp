// The message of a digest: headers and its two parts.
#include "notify/digest.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/hash.hpp"
#include "notify/digest_outline.hpp"
#include "notify/mail_text.hpp"

namespace apitoken::notify {
namespace {

std::string part(std::string_view boundary, std::string_view type, std::string_view body) {
  return fmt::format(
      "--{}\r\nContent-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n{}\r\n",
      boundary, type, quoted_printable(body));
}

// Whether a token has expired or expires within a day: the mail then gets high importance.
bool is_important(const Digest& digest) {
  return std::ranges::any_of(digest.notices, [&](const core::Notice& notice) {
    return urgency_of(notice, digest.now) <= Urgency::WithinDay;
  });
}

}  // namespace

std::string render_mail(const Digest& digest) {
  // "=_" cannot occur in quoted-printable text.
  const std::string boundary = "=_" + core::sha256_hex(digest.message_id).substr(0, 32);
  std::string mail = header_line("Date", mail_date(digest.now));
  mail += fmt::format("From: {}\r\n", render_mailbox(digest.from));
  mail += address_line("To", digest.recipients);
  mail += header_line("Subject", digest_subject(digest));
  mail += fmt::format("Message-ID: {}\r\n", digest.message_id);
  if (is_important(digest)) mail += "Importance: high\r\n";
  mail +=
      "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n";
  mail += fmt::format("Content-Type: multipart/alternative;\r\n boundary=\"{}\"\r\n\r\n", boundary);
  mail += part(boundary, "text/plain", digest_text(digest));
  mail += part(boundary, "text/html", digest_html(digest));
  mail += fmt::format("--{}--\r\n", boundary);
  return mail;
}

}  // namespace apitoken::notify
