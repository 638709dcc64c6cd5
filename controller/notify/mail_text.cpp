// Encodes the header lines, addresses, dates and bodies of a mail.
#include "notify/mail_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/base64.hpp"

namespace apitoken::notify {
namespace {

using namespace std::chrono;

constexpr std::size_t kLineLength = 76;
constexpr std::size_t kBytesInWord = 45;  // 60 characters of base64; an encoded word may have 75

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// Encoded words that each hold whole characters, one a line.
std::string encode_words(std::string_view text) {
  std::string words;
  while (!text.empty()) {
    std::size_t end = std::min(kBytesInWord, text.size());
    while (end < text.size() && end > 1 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
      --end;
    words += fmt::format("{}=?utf-8?B?{}?=", words.empty() ? "" : "\r\n ",
                         base64_encode(text.substr(0, end)));
    text.remove_prefix(end);
  }
  return words;
}

// Breaks before blanks, where the next word would not fit any more.
std::string fold(std::string_view text, std::size_t used) {
  std::string folded;
  while (!text.empty()) {
    auto end = text.find(' ', 1);
    const std::string_view word = text.substr(0, end);
    if (word.front() == ' ' && word.size() > 1 && used + word.size() > kLineLength) {
      folded += "\r\n";
      used = 0;
    }
    folded += word;
    used += word.size();
    text.remove_prefix(word.size());
  }
  return folded;
}

struct Calendar {
  year_month_day date;
  hh_mm_ss<seconds> clock;
  weekday day;
};

Calendar calendar(WallTime time) {
  const auto day = floor<days>(time);
  return {year_month_day(day), hh_mm_ss<seconds>(time - day), weekday(day)};
}

}  // namespace

std::string header_line(std::string_view name, std::string_view text) {
  if (!is_printable_ascii(text)) return fmt::format("{}: {}\r\n", name, encode_words(text));
  return fmt::format("{}: {}\r\n", name, fold(text, name.size() + 2));
}

std::string address_line(std::string_view name, const std::vector<std::string>& addresses) {
  std::vector<std::string_view> shown;
  std::ranges::copy_if(addresses, std::back_inserter(shown), is_printable_ascii);
  if (shown.empty()) return fmt::format("{}: undisclosed-recipients:;\r\n", name);
  return fmt::format("{}: {}\r\n", name, fmt::join(shown, ",\r\n "));
}

std::string render_mailbox(const core::Mailbox& mailbox) {
  if (mailbox.display.empty()) return mailbox.address;
  if (!is_printable_ascii(mailbox.display))
    return fmt::format("{}\r\n <{}>", encode_words(mailbox.display), mailbox.address);
  std::string quoted;
  for (char c : mailbox.display) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format("\"{}\" <{}>", quoted, mailbox.address);
}

std::string quoted_printable(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  std::size_t column = 0;
  const auto put = [&](std::string_view piece) {
    if (column + piece.size() > kLineLength - 1) {
      out += "=\r\n";
      column = 0;
    }
    out += piece;
    column += piece.size();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      out += "\r\n";
      column = 0;
      continue;
    }
    const bool before_line_end = i + 1 == text.size() || text[i + 1] == '\n';
    const bool literal = (c > ' ' && c <= '~' && c != '=') || (c == ' ' && !before_line_end);
    put(literal ? std::string(1, c) : fmt::format("={:02X}", static_cast<unsigned char>(c)));
  }
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string mail_date(WallTime time) {
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Calendar at = calendar(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", kDays[at.day.c_encoding()],
                     unsigned(at.date.day()), kMonths[unsigned(at.date.month()) - 1],
                     int(at.date.year()), at.clock.hours().count(), at.clock.minutes().count(),
                     at.clock.seconds().count());
}

std::string utc_minute(WallTime time) {
  const Calendar at = calendar(time);
  const auto s = at.clock.seconds().count();
  return fmt::format("{} {:02}:{:02}{} UTC", utc_day(time), at.clock.hours().count(),
                     at.clock.minutes().count(), s == 0 ? "" : fmt::format(":{:02}", s));
}

std::string utc_day(WallTime time) {
  const Calendar at = calendar(time);
  return fmt::format("{:04}-{:02}-{:02}", int(at.date.year()), unsigned(at.date.month()),
                     unsigned(at.date.day()));
}

}  // namespace apitoken::notify
