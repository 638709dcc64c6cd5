// What a user wrote, made fit to be shown on one line: no control character, no line break, none of
// Unicode's invisible direction marks, valid UTF-8. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace apitoken::core {

// Controls and invisible marks become a blank, broken UTF-8 becomes U+FFFD.
std::string plain_text(std::string_view text);
// Whether a name holds what plain_text() replaces: control characters (C0, C1), line separators,
// direction marks, zero-width characters, broken UTF-8. Two names that differ in such a character
// alone look the same.
bool has_invisible(std::string_view name);
// The same for free text: control characters and direction marks. Tabs, line breaks and the joiners
// of emoji and of some scripts are in order there.
bool has_control_or_direction(std::string_view text);
// The longest beginning of valid UTF-8 `text` of at most `bytes` bytes that cuts no character, with
// "..." where it was cut.
std::string cut_text(std::string_view text, std::size_t bytes);

}  // namespace apitoken::core
