// Prints tables.
#include "cli/table.hpp"

#include <algorithm>

#include "core/plain_text.hpp"

namespace apitoken::cli {
namespace {

constexpr std::size_t kColumnGap = 3;

// The width in characters. A wide character counts as one.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string format_table(const std::vector<std::vector<Cell>>& rows, const Painter& paint) {
  std::vector<std::size_t> widths(rows.empty() ? 0 : rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(core::plain_text(row[i].text)));
  }
  std::string result;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string text = core::plain_text(row[i].text);
      result += paint(row[i].colour, text);
      if (i + 1 < row.size()) result.append(widths[i] - width_of(text) + kColumnGap, ' ');
    }
    result += '\n';
  }
  return result;
}

}  // namespace apitoken::cli
