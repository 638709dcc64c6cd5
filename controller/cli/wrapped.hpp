// Breaks text into lines at blanks. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace apitoken::cli {

// `text` in lines of at most `width` characters, of which each but the first begins with `indent`
// blanks; the first begins at column `indent` already. A longer word has a line of its own.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace apitoken::cli
