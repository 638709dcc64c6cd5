// Shell completion: thin scripts for three shells, which ask `kubectl-apitoken __complete
// WORDS...`; kubectl asks the same through kubectl_complete-apitoken. Pure but for the names that
// `names` gives; main thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/command_line.hpp"

namespace apitoken::cli {

// The names of the objects that the command line so far means: ApiTokens, or TokenExpiryConfigs for
// test-mail.
using NameSource = std::function<std::vector<std::string>(const Invocation&)>;

struct Completions {
  std::vector<std::string> lines;  // "word", or "word<tab>what it does"
  bool files = false;              // the shell may offer files where there are no lines
};

// `words`: what stands after the program's name; the last one is being written and may be empty.
Completions complete(std::span<const std::string> words, const NameSource& names);

// Empty where the shell is not known.
std::string completion_script(std::string_view shell);

}  // namespace apitoken::cli
