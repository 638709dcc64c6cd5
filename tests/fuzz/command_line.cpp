// Words of the plugin's command line, and flags of the operator: from wrappers and manifests that
// others wrote.
#include "cli/command_line.hpp"

#include "config.hpp"
#include "fuzz/fuzz.hpp"

namespace apitoken::fuzz {
namespace {

bool is_one_line(const std::string& text) {
  return !text.empty() && text.find_first_of("\r\n\x1b") == text.npos;
}

}  // namespace

void fuzz(std::string_view input) {
  std::vector<std::string> words;
  while (!input.empty()) words.emplace_back(take_part(input));
  const auto invocation = cli::parse_command_line(words);
  if (!invocation) require(is_one_line(invocation.error()), "a refusal of the plugin is one line");
  (void)cli::parse_partial(words);
  std::vector<const char*> flags;
  for (const auto& word : words) flags.push_back(word.c_str());
  const auto config = parse_flags(flags);
  if (!config) require(is_one_line(config.error()), "a refusal of the operator is one line");
}

}  // namespace apitoken::fuzz
