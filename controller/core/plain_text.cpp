// Reads UTF-8 character by character. Source: RFC 3629.
#include "core/plain_text.hpp"

#include <cstdint>

namespace apitoken::core {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t size = 0;  // 0: invalid
};

Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
  std::uint32_t code = lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? Character{} : Character{code, size};
}

bool is_invisible(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x61C ||
         (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
}

bool is_control_or_direction(std::uint32_t code) {
  if (code == '\t' || code == '\n' || code == '\r') return false;
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x61C || code == 0x200E ||
         code == 0x200F || (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

// Invalid UTF-8 counts as a match.
bool has_any(std::string_view text, bool (*matches)(std::uint32_t code)) {
  while (!text.empty()) {
    const Character next = first_of(text);
    if (next.size == 0 || matches(next.code)) return true;
    text.remove_prefix(next.size);
  }
  return false;
}

}  // namespace

bool has_invisible(std::string_view name) { return has_any(name, is_invisible); }

bool has_control_or_direction(std::string_view text) {
  return has_any(text, is_control_or_direction);
}

std::string plain_text(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const Character next = first_of(text);
    if (next.size == 0) {
      plain += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    if (is_invisible(next.code)) {
      plain += ' ';
    } else {
      plain += text.substr(0, next.size);
    }
    text.remove_prefix(next.size);
  }
  return plain;
}

std::string cut_text(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  std::size_t end = bytes < 3 ? 0 : bytes - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

std::string shown(std::string_view value) { return cut_text(plain_text(value), 64); }

std::string condition_text(std::string_view text) { return cut_text(plain_text(text), 4096); }

}  // namespace apitoken::core
