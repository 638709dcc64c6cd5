// Help texts, made from the tables of command_line.hpp. Pure; any thread.
#pragma once

#include <string>

#include "cli/command_line.hpp"

namespace apitoken::cli {

// The plugin, its commands and its exit codes.
std::string help_text();
// One command and its flags.
std::string help_text(Command command);

}  // namespace apitoken::cli
