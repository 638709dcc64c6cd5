// RFC 3339 times in the proleptic Gregorian calendar of <chrono>.
#include "base/rfc3339.hpp"

#include <fmt/format.h>

namespace apitoken {
namespace {

using namespace std::chrono;

// Takes exactly `count` digits off the front of `text`.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return {};
  int value = 0;
  for (char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == any_of.npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<seconds> take_offset(std::string_view text) {
  if (text == "Z" || text == "z") return seconds(0);
  if (text.empty()) return {};
  const bool west = text.front() == '-';
  if (!take(text, "+-")) return {};
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ":")) return {};
  const auto minute = take_digits(text, 2);
  if (!minute || !text.empty() || *hour > 23 || *minute > 59) return {};
  const seconds offset = hours(*hour) + minutes(*minute);
  return west ? -offset : offset;
}

std::string calendar(sys_seconds time) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace

std::string format_rfc3339(WallTime time) { return calendar(time) + "Z"; }

std::string format_rfc3339_micro(system_clock::time_point time) {
  const auto whole = floor<seconds>(time);
  return fmt::format("{}.{:06}Z", calendar(whole),
                     duration_cast<microseconds>(time - whole).count());
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  const auto y = take_digits(text, 4);
  if (!y || *y == 0 || !take(text, "-")) return {};
  const auto mo = take_digits(text, 2);
  if (!mo || !take(text, "-")) return {};
  const auto d = take_digits(text, 2);
  if (!d || !take(text, "Tt")) return {};
  const auto h = take_digits(text, 2);
  if (!h || !take(text, ":")) return {};
  const auto mi = take_digits(text, 2);
  if (!mi || !take(text, ":")) return {};
  const auto s = take_digits(text, 2);
  if (!s || *h > 23 || *mi > 59 || *s > 60) return {};
  if (take(text, ".")) {
    if (!take(text, "0123456789")) return {};
    while (take(text, "0123456789")) {
    }
  }
  const auto offset = take_offset(text);
  const year_month_day date{year(*y), month(unsigned(*mo)), day(unsigned(*d))};
  if (!offset || !date.ok()) return {};
  const sys_seconds time = sys_days(date) + hours(*h) + minutes(*mi) + seconds(*s) - *offset;
  // The offset can move the time out of the years 0001 to 9999.
  const bool writable =
      time >= sys_days(year(1) / January / 1) && time < sys_days(year(10000) / January / 1);
  return writable ? std::optional(time) : std::nullopt;
}

}  // namespace apitoken
