// Help texts, made from the tables of command_line.hpp. Pure; any thread.
#pragma once

#include <string>

#include "cli/command_line.hpp"

namespace apitoken::cli {

// The plugin, its commands and its exit codes, in lines of at most `width` characters.
std::string help_text(std::size_t width = 100);
// One command and its flags. Examples are not broken.
std::string help_text(Command command, std::size_t width = 100);

}  // namespace apitoken::cli
