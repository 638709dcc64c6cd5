// Encodings of a mail: header lines, quoted-printable bodies, HTML escapes, dates. Pure; any
// thread. Source: RFC 2047 (encoded words), RFC 2045 section 6.7 (quoted-printable), RFC 5322
// section 3.3 (dates)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "core/addresses.hpp"

namespace apitoken::notify {

// "Name: text", folded, with CRLF. Text that is not printable ASCII becomes encoded words.
std::string header_line(std::string_view name, std::string_view text);
// "Name: a@example.com,\r\n b@example.com\r\n"
std::string address_line(std::string_view name, const std::vector<std::string>& addresses);
// "\"Tokens, API\" <tokens@example.com>", the name quoted or encoded.
std::string render_mailbox(const core::Mailbox& mailbox);

// UTF-8 with line ends "\n" as quoted-printable with CRLF.
std::string quoted_printable(std::string_view text);
std::string escape_html(std::string_view text);

std::string mail_date(WallTime time);  // "Tue, 24 Nov 2026 08:00:00 +0000"
std::string utc_minute(
    WallTime time);                  // "2026-11-24 08:00 UTC", with seconds where they are not zero
std::string utc_day(WallTime time);  // "2026-11-24"

}  // namespace apitoken::notify
