// Runs one program to its end and collects what it says. Used by the exec credential plugin, on the
// calling thread. Never goes through a shell; the program sees no terminal.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::kube {

struct Command {
  std::string program;                 // looked up in PATH where it has no slash
  std::vector<std::string> arguments;  // without the program's own name
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours, later entries win
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
  std::size_t output_limit = 1 << 20;
};

// What it wrote to its standard output. Errors: Unauthorized: it could not be started, ended with
// another code than 0 (with the last line of its standard error), took too long or said too much;
// the latter two end it and the processes it started.
Result<SecretString> run_command(const Command& command);

}  // namespace apitoken::kube
