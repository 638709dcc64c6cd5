// Makes text that a user wrote safe to show on one line: valid UTF-8 without control characters,
// line breaks and invisible direction marks. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace apitoken::core {

// Replaces each control character and each invisible mark by a blank, broken UTF-8 by U+FFFD.
std::string plain_text(std::string_view text);
// Whether a name has a character that plain_text() replaces: control characters (C0, C1), line
// separators, direction marks, zero-width characters, broken UTF-8. Such characters make two
// different names look the same.
bool has_invisible(std::string_view name);
// The same for free text, which may have tabs, line breaks and the joiners of emoji and of some
// scripts: control characters and direction marks alone.
bool has_control_or_direction(std::string_view text);
// Cuts valid UTF-8 to at most `bytes` bytes, "..." included, without cutting a character.
std::string cut_text(std::string_view text, std::size_t bytes);

}  // namespace apitoken::core
