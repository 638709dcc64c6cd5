// Makes user text safe to show on one line: valid UTF-8 without control characters, line breaks and
// Unicode's invisible direction marks. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace apitoken::core {

// Replaces controls and invisible marks by a blank, and invalid UTF-8 by U+FFFD.
std::string plain_text(std::string_view text);
// The name has a character that plain_text() replaces: control characters (C0, C1), line
// separators, direction marks, zero-width characters, invalid UTF-8. Names that differ only in
// these look equal.
bool has_invisible(std::string_view name);
// The rule for free text: control characters and direction marks. Allows tabs, line breaks and the
// joiners of emoji and of some scripts.
bool has_control_or_direction(std::string_view text);
// `text` cut to at most `bytes` bytes, between characters, with "..." at the end if it was cut.
// Precondition: valid UTF-8.
std::string cut_text(std::string_view text, std::size_t bytes);
// A value that a message repeats: plain text of at most 64 bytes.
std::string shown(std::string_view value);
// The message of a condition: plain text of at most 4096 bytes (the CRDs allow 32768 characters).
std::string condition_text(std::string_view text);

}  // namespace apitoken::core
