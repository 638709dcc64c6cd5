// Writes help texts.
#include "cli/help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "cli/wrapped.hpp"

namespace apitoken::cli {
namespace {

constexpr std::size_t kHelpGap = 2;         // between the columns
constexpr std::size_t kNarrowestHelp = 24;  // a column of help; where there is less, it goes below
constexpr std::size_t kBelow = 10;          // its indent then

std::string left_of(const FlagRow& flag) {
  const auto letter = flag.letter == 0 ? std::string("    ") : fmt::format("-{}, ", flag.letter);
  return fmt::format("  {}--{}{}{}", letter, flag.name, flag.value.empty() ? "" : " ", flag.value);
}

std::string flag_table(const CommandRow& command, std::size_t screen) {
  std::size_t width = 0;
  for (const FlagRow& flag : flag_rows()) {
    if (takes(command.command, flag)) width = std::max(width, left_of(flag).size() + kHelpGap);
  }
  const bool below = width + kNarrowestHelp > screen;
  const std::size_t indent = below ? kBelow : width;
  std::string table;
  for (const FlagRow& flag : flag_rows()) {
    if (!takes(command.command, flag)) continue;
    const auto help = flag.name == "output" && !command.outputs.empty()
                          ? fmt::format("{}: {}.", flag.help, fmt::join(command.outputs, ", "))
                          : std::string(flag.help);
    const auto left = below ? fmt::format("{}\n{:{}}", left_of(flag), "", indent)
                            : fmt::format("{:<{}}", left_of(flag), width);
    table += fmt::format("{}{}\n", left, wrapped(help, indent, screen));
  }
  return table;
}

// Lines of a name or number and its text, which begins at column `indent`.
std::string line_of(std::string_view name, std::string_view text, std::size_t indent,
                    std::size_t screen) {
  return fmt::format("{:<{}}{}\n", fmt::format("  {}", name), indent,
                     wrapped(text, indent, screen));
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kExitCodes{
    {{"0", "done"},
     {"1",
      "refused by the API server, the operator or (test-mail) the mail server, or a file could not "
      "be read or written"},
     {"2", "the command line is wrong"},
     {"3", "no such ApiToken or namespace, or a cluster without ApiTokens"},
     {"4", "permissions are missing, or the credentials are not accepted"},
     {"5", "no cluster: no usable kubeconfig, no connection"},
     {"6", "the operator did not answer in time; the request stays"},
     {"7", "verify: the token does not work; lint: a manifest has problems, or there is none"},
     {"130", "interrupted"}}};

}  // namespace

std::string help_text(std::size_t width) {
  std::string text =
      wrapped("Create, list, rotate and revoke API tokens of apitoken-operator.", 0, width) +
      "\n\nUsage:\n  kubectl apitoken COMMAND [flags]\n\nCommands:\n";
  for (const CommandRow& row : command_rows()) {
    if (!row.name.empty()) text += line_of(row.name, row.summary, 18, width);
  }
  text += "\nFlags of a command: kubectl apitoken COMMAND --help\n\nExit codes:\n";
  for (const auto& [code, meaning] : kExitCodes) text += line_of(code, meaning, 7, width);
  return text + "\n" + wrapped("Colours: on terminals, unless NO_COLOR is set.", 0, width) + "\n";
}

std::string help_text(Command command, std::size_t width) {
  const CommandRow& row = row_of(command);
  if (row.about.empty()) return help_text(width);
  std::string text =
      fmt::format("{}\n\nUsage:\n  kubectl apitoken {}{}{} [flags]\n", wrapped(row.about, 0, width),
                  row.name, row.arguments.empty() ? "" : " ", row.arguments);
  if (!row.examples.empty()) text += fmt::format("\nExamples:\n{}\n", row.examples);
  return text + "\nFlags:\n" + flag_table(row, width) + "\nExit codes: kubectl apitoken help\n";
}

}  // namespace apitoken::cli
