// A table for terminals: columns as wide as their widest cell, three blanks between them, as
// kubectl prints them. Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/terminal.hpp"

namespace apitoken::cli {

struct Cell {
  std::string text;
  Colour colour = Colour::None;
};

using Painter = std::function<std::string(Colour, std::string_view)>;

// The first row is the heading. Control characters in cells become blanks. Every row has as many
// cells as the first.
std::string format_table(const std::vector<std::vector<Cell>>& rows, const Painter& paint);

}  // namespace apitoken::cli
