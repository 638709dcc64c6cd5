// Writes help texts.
#include "cli/help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace apitoken::cli {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kGap = 2;  // between the columns

// Breaks a text into lines at blanks.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string result;
  std::size_t column = 0;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column > 0 && column + 1 + word.size() > kWidth - indent) {
      result += "\n" + std::string(indent, ' ');
      column = 0;
    } else if (column > 0) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

std::string left_of(const FlagRow& flag) {
  const auto letter = flag.letter == 0 ? std::string("    ") : fmt::format("-{}, ", flag.letter);
  return fmt::format("  {}--{}{}{}", letter, flag.name, flag.value.empty() ? "" : " ", flag.value);
}

std::string flag_table(const CommandRow& command) {
  std::size_t width = 0;
  for (const FlagRow& flag : flag_rows()) {
    if (takes(command.command, flag)) width = std::max(width, left_of(flag).size() + kGap);
  }
  std::string table;
  for (const FlagRow& flag : flag_rows()) {
    if (!takes(command.command, flag)) continue;
    const auto help = flag.name == "output" && !command.outputs.empty()
                          ? fmt::format("{}: {}.", flag.help, fmt::join(command.outputs, ", "))
                          : std::string(flag.help);
    table += fmt::format("{:<{}}{}\n", left_of(flag), width, wrapped(help, width));
  }
  return table;
}

}  // namespace

std::string help_text() {
  std::string text =
      "Create, list, rotate and revoke API tokens of apitoken-operator.\n\n"
      "Usage:\n  kubectl apitoken COMMAND [flags]\n\nCommands:\n";
  for (const CommandRow& row : command_rows()) {
    if (!row.name.empty()) text += fmt::format("  {:<16}{}\n", row.name, row.summary);
  }
  return text +
         "\nFlags of a command: kubectl apitoken COMMAND --help\n\n"
         "Exit codes:\n"
         "  0    done\n"
         "  1    refused by the API server, the operator or (test-mail) the mail server, or a file "
         "could not be read or written\n"
         "  2    the command line is wrong\n"
         "  3    no such ApiToken or namespace, or a cluster without ApiTokens\n"
         "  4    permissions are missing, or the credentials are not accepted\n"
         "  5    no cluster: no usable kubeconfig, no connection\n"
         "  6    the operator did not answer in time; the request stays\n"
         "  7    verify: the token does not work; lint: a manifest has problems, or there is none\n"
         "  130  interrupted\n\n"
         "Colours: on terminals, unless NO_COLOR is set.\n";
}

std::string help_text(Command command) {
  const CommandRow& row = row_of(command);
  if (row.about.empty()) return help_text();
  std::string text =
      fmt::format("{}\n\nUsage:\n  kubectl apitoken {}{}{} [flags]\n", wrapped(row.about, 0),
                  row.name, row.arguments.empty() ? "" : " ", row.arguments);
  if (!row.examples.empty()) text += fmt::format("\nExamples:\n{}\n", row.examples);
  return text + "\nFlags:\n" + flag_table(row) + "\nExit codes: kubectl apitoken help\n";
}

}  // namespace apitoken::cli
