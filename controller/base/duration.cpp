// Go's duration notation, restricted to h, m and s.
#include "base/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace apitoken {
namespace {

constexpr long long kMaxSeconds = 100LL * 366 * 24 * 3600;

std::optional<long long> unit_seconds(char unit) {
  switch (unit) {
    case 'h':
      return 3600;
    case 'm':
      return 60;
    case 's':
      return 1;
    default:
      return {};
  }
}

}  // namespace

std::optional<Seconds> parse_duration(std::string_view text) {
  if (text == "0") return Seconds(0);
  if (text.empty()) return {};
  long long total = 0;
  while (!text.empty()) {
    long long number = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      number = number * 10 + (text[digits] - '0');
      if (number > kMaxSeconds) return {};
      ++digits;
    }
    if (digits == 0 || digits == text.size()) return {};
    const auto unit = unit_seconds(text[digits]);
    if (!unit) return {};
    total += number * *unit;
    if (total > kMaxSeconds) return {};
    text.remove_prefix(digits + 1);
  }
  return Seconds(total);
}

std::string format_duration(Seconds duration) {
  const long long s = duration.count();
  if (s >= 3600) return fmt::format("{}h{}m{}s", s / 3600, s / 60 % 60, s % 60);
  if (s >= 60) return fmt::format("{}m{}s", s / 60, s % 60);
  return fmt::format("{}s", s);
}

std::string format_duration_short(Seconds duration) {
  const long long s = duration.count();
  std::string text;
  if (s >= 3600) text += fmt::format("{}h", s / 3600);
  if (s / 60 % 60 > 0) text += fmt::format("{}m", s / 60 % 60);
  if (s % 60 > 0 || s == 0) text += fmt::format("{}s", s % 60);
  return text;
}

std::string describe_duration(Seconds duration) {
  constexpr std::array<std::pair<long long, const char*>, 4> kUnits{
      {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}}};
  long long rest = duration.count();
  if (rest < 0) rest = -rest;
  std::string text;
  int used = 0;
  for (const auto& [size, name] : kUnits) {
    const long long count = rest / size;
    if (used == 2) break;
    if (used == 1 && count == 0) break;
    if (count == 0) continue;
    text += fmt::format("{}{} {}{}", used ? " " : "", count, name, count == 1 ? "" : "s");
    rest %= size;
    ++used;
  }
  return text.empty() ? "0 seconds" : text;
}

}  // namespace apitoken
