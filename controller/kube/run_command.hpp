// Runs one program to its end and collects its output. ExecPlugin calls it on its caller's thread.
// No shell is involved. The program gets a terminal only if the caller hands it over.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::kube {

struct Command {
  std::string program;                 // looked up in PATH if it has no slash
  std::vector<std::string> arguments;  // without the program's name
  // Added to our environment; of entries with one name the last counts.
  std::vector<std::pair<std::string, std::string>> environment;
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
  std::size_t output_limit = 1 << 20;
  // The program inherits standard input and error, and stays in our process group, to which the
  // terminal listens.
  bool terminal = false;
};

// The program's standard output. Errors: Unauthorized if the program cannot be started, ends with a
// code other than 0 (the message has the last line of its standard error), takes too long or writes
// too much; in the last two cases it and (without a terminal) the processes it started are killed.
Result<SecretString> run_command(const Command& command);

}  // namespace apitoken::kube
