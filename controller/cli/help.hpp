// Help texts, made from the tables of command_line.hpp. Pure; any thread.
#pragma once

#include <string>

#include "cli/command_line.hpp"

namespace apitoken::cli {

// What the plugin does, its commands and exit codes.
std::string help_text();
// How one command is used.
std::string help_text(Command command);

}  // namespace apitoken::cli
