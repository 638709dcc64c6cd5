// Parses and prints spans of time.
#include "cli/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/duration.hpp"

namespace apitoken::cli {
namespace {

constexpr long long kMaxDays = 36'500;

std::string two_units(long long big, const char* big_unit, long long small,
                      const char* small_unit) {
  return small == 0 ? fmt::format("{}{}", big, big_unit)
                    : fmt::format("{}{}{}{}", big, big_unit, small, small_unit);
}

}  // namespace

std::optional<Seconds> parse_span(std::string_view text) {
  const auto mark = text.find('d');
  if (mark == text.npos) return parse_duration(text);
  long long days = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + mark, days);
  if (error != std::errc() || end != text.data() + mark || days < 0 || days > kMaxDays) return {};
  const auto rest = text.substr(mark + 1);
  const auto span = rest.empty() ? std::optional(Seconds(0)) : parse_duration(rest);
  if (!span) return {};
  return std::chrono::days(days) + *span;
}

// The same steps as HumanDuration in k8s.io/apimachinery/pkg/util/duration.
std::string short_span(Seconds span) {
  const long long seconds = std::max<long long>(span.count(), 0);
  const long long minutes = seconds / 60, hours = minutes / 60, days = hours / 24,
                  years = days / 365;
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (minutes < 10) return two_units(minutes, "m", seconds % 60, "s");
  if (hours < 3) return fmt::format("{}m", minutes);
  if (hours < 8) return two_units(hours, "h", minutes % 60, "m");
  if (hours < 48) return fmt::format("{}h", hours);
  if (days < 8) return two_units(days, "d", hours % 24, "h");
  if (years < 2) return fmt::format("{}d", days);
  return two_units(years, "y", days % 365, "d");
}

}  // namespace apitoken::cli
