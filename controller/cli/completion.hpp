// Shell completion: scripts for three shells, which call `kubectl-apitoken __complete WORDS...`.
// kubectl calls the same through kubectl_complete-apitoken. Pure apart from `names`; main thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/command_line.hpp"

namespace apitoken::cli {

// Returns the names of the objects that a command takes: ApiTokens, or TokenExpiryConfigs for
// test-mail.
using NameSource = std::function<std::vector<std::string>(const Invocation&)>;

struct Completions {
  std::vector<std::string> lines;  // "word", or "word<tab>what it does"
  bool files = false;              // without lines, the shell offers file names
};

// `words`: the words after the program's name. The last one is being typed and may be empty.
Completions complete(std::span<const std::string> words, const NameSource& names);

// Empty if the shell is not supported.
std::string completion_script(std::string_view shell);

}  // namespace apitoken::cli
