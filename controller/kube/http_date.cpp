// Reading the header Date. Source: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
#include "kube/http_date.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace apitoken::kube {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> number_in(std::string_view digits) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.front() == '-')
    return {};
  return number;
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text) {
  constexpr std::string_view kShape = "Sun, 06 Nov 1994 08:49:37 GMT";
  if (text.size() != kShape.size() || text.substr(3, 2) != ", " || text[7] != ' ' ||
      text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':' ||
      text.substr(25) != " GMT") {
    return {};
  }
  const auto day = number_in(text.substr(5, 2)), year = number_in(text.substr(12, 4));
  const auto hour = number_in(text.substr(17, 2)), minute = number_in(text.substr(20, 2)),
             second = number_in(text.substr(23, 2));
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  if (!day || !year || !hour || !minute || !second || month == kMonths.end()) return {};
  if (*hour > 23 || *minute > 59 || *second > 60) return {};
  const std::chrono::year_month_day date{
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin() + 1)),
      std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return {};
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         Seconds(*second);
}

}  // namespace apitoken::kube
