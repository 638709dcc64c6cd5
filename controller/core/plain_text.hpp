// What a user wrote, made fit to be shown on one line: no control character, no line break, none of Unicode's invisible
// direction marks, valid UTF-8. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace apitoken::core {

// Controls and invisible marks become a blank, broken UTF-8 becomes U+FFFD.
std::string plain_text(std::string_view text);
// The longest beginning of valid UTF-8 `text` of at most `bytes` bytes that cuts no character, with "..." where it was
// cut.
std::string cut_text(std::string_view text, std::size_t bytes);

}  // namespace apitoken::core
