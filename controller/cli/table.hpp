// Tables for terminals, as kubectl prints them: each column is as wide as its widest cell, with
// three blanks between columns. Pure; any thread.
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

// The first row is the heading. Replaces control characters in cells by blanks. Precondition: all
// rows have as many cells as the first.
std::string format_table(const std::vector<std::vector<Cell>>& rows, const Painter& paint);

}  // namespace apitoken::cli
