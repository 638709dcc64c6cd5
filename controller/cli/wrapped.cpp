// Counts bytes: the plugin's own texts are ASCII, and others break a little early.
#include "cli/wrapped.hpp"

#include <algorithm>

namespace apitoken::cli {

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string result;
  std::size_t column = indent;
  bool begins = true;  // of a line
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!begins && column + 1 + word.size() > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!begins) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
    begins = false;
  }
  return result;
}

}  // namespace apitoken::cli
