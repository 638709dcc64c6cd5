// Parses the command line.
#include "cli/command_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "api/json.hpp"
#include "base/nearest.hpp"
#include "core/plain_text.hpp"
#include "program/flags.hpp"

namespace apitoken::cli {
namespace {

// Names that users of other tools expect.
constexpr std::array<std::pair<std::string_view, Command>, 5> kAliases{
    {{"ls", Command::List},
     {"get", Command::List},
     {"renew", Command::Rotate},
     {"doctor", Command::Check},
     {"__complete", Command::Complete}}};

// Flags of kubectl that the plugin does not take, and what does the same.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kOtherFlags{
    {{"--token", "choose a --context whose user has that token"},
     {"--server", "choose a --context or --cluster of that server"},
     {"--user", "choose a --context of that user"}}};

// Kinds that may precede a name, as with kubectl: "apitoken/ci".
constexpr std::array<std::string_view, 4> kKindWords{
    "apitoken", "apitokens", "apitoken.apitoken.dev", "apitokens.apitoken.dev"};

constexpr std::array<std::string_view, 5> kConfigWords{"tokenexpiryconfig", "tokenexpiryconfigs",
                                                       "tec", "tokenexpiryconfig.apitoken.dev",
                                                       "tokenexpiryconfigs.apitoken.dev"};

const CommandRow* find_command(std::string_view word) {
  const auto alias =
      std::ranges::find(kAliases, word, &std::pair<std::string_view, Command>::first);
  if (alias != kAliases.end()) return &row_of(alias->second);
  const auto found = std::ranges::find(command_rows(), word, &CommandRow::name);
  return found == command_rows().end() || word.empty() ? nullptr : &*found;
}

std::string unknown_command(std::string_view word) {
  std::vector<std::string_view> names;
  for (const CommandRow& row : command_rows()) {
    if (!row.name.empty()) names.push_back(row.name);
  }
  const auto near = near_word(word, names);
  return fmt::format("unknown command \"{}\"; {} See: kubectl apitoken help", word,
                     near ? fmt::format("did you mean {}?", *near)
                          : fmt::format("there is {}.", fmt::join(names, ", ")));
}

std::string unknown_flag(Command command, std::string_view flag) {
  std::vector<std::string_view> names;
  for (const FlagRow& row : flag_rows()) {
    if (takes(command, row)) names.push_back(row.name);
  }
  const auto known =
      std::ranges::any_of(flag_rows(), [&](const FlagRow& row) { return is_named(row, flag); });
  if (known) return fmt::format("{} does not go with {}", flag, row_of(command).name);
  const auto other =
      std::ranges::find(kOtherFlags, flag, &std::pair<std::string_view, std::string_view>::first);
  if (other != kOtherFlags.end())
    return fmt::format("the plugin does not take {}: {}", flag, other->second);
  if (!flag.starts_with("--"))
    return fmt::format("unknown flag {} of {}", flag, row_of(command).name);
  const auto near = near_word(flag.substr(2), names);
  return near ? fmt::format("unknown flag {}; did you mean --{}?", flag, *near)
              : fmt::format("unknown flag {} of {}", flag, row_of(command).name);
}

// A flag as it is written: "--user=a", "-n", "-na".
struct Written {
  std::string name;
  std::optional<std::string_view> value{};
  std::string_view more{};  // further letters after a switch: "owide" of "-Aowide"
};

Written take_letter(std::string_view letters) {
  Written written{.name = fmt::format("-{}", letters.substr(0, 1))};
  const auto rest = letters.substr(1);
  const auto is_switch = [&](const FlagRow& flag) {
    return flag.value.empty() && is_named(flag, written.name);
  };
  if (rest.starts_with('=')) {
    written.value = rest.substr(1);
  } else if (std::ranges::any_of(flag_rows(), is_switch)) {
    written.more = rest;
  } else if (!rest.empty()) {
    written.value = rest;
  }
  return written;
}

Written take_apart(std::string_view argument) {
  if (!argument.starts_with("--")) return take_letter(argument.substr(1));
  const auto equals = argument.find('=');
  if (equals == argument.npos) return {.name = std::string(argument)};
  return {.name = std::string(argument.substr(0, equals)), .value = argument.substr(equals + 1)};
}

using Arguments = std::span<const std::string>;

// Applies a flag. Takes its value from `rest` if the flag was written without one.
Complaint apply(Invocation& invocation, Written written, Arguments& rest) {
  const FlagRow* const flag = find_flag(invocation.command, written.name);
  if (flag == nullptr) return unknown_flag(invocation.command, written.name);
  auto complaint = apply_flag(*flag, written.value, invocation.options, rest);
  const auto& outputs = row_of(invocation.command).outputs;
  if (complaint && flag->name == "output" && !outputs.empty())
    complaint->append(fmt::format("; allowed are {}", fmt::join(outputs, ", ")));
  return complaint;
}

// Takes the first flag, or letters such as "-Aowide", with its value off `rest`.
Complaint take_flag(Invocation& invocation, Arguments& rest) {
  Written written = take_apart(rest.front());
  rest = rest.subspan(1);
  auto complaint = apply(invocation, written, rest);
  while (!complaint && !written.more.empty()) {
    written = take_letter(written.more);
    complaint = apply(invocation, written, rest);
  }
  return complaint;
}

// The index of the command: flags may precede it, as with kubectl.
std::size_t find_command_word(Arguments arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word.size() < 2 || !word.starts_with('-')) return i;
    Written written = take_apart(word);
    while (!written.more.empty()) written = take_letter(written.more);
    const auto named = [&](const FlagRow& flag) { return is_named(flag, written.name); };
    const auto flag = std::ranges::find_if(flag_rows(), named);
    if (flag != flag_rows().end() && !flag->value.empty() && !written.value) ++i;
  }
  return arguments.size();
}

// The name in KIND/NAME, the form that kubectl and -o name print.
std::string without_kind(Command command, const std::string& word) {
  std::span<const std::string_view> kinds;
  if ((on(command) & on(Command::Describe, Command::Rotate, Command::Revoke)) != 0)
    kinds = kKindWords;
  if (command == Command::TestMail) kinds = kConfigWords;
  const auto slash = word.find('/');
  const auto kind = std::string_view(word).substr(0, slash);
  return slash != word.npos && std::ranges::find(kinds, kind) != kinds.end()
             ? word.substr(slash + 1)
             : word;
}

// Parses the whole line. Adds errors to `complaints`; skips them if `complaints` is null.
Invocation read_arguments(Arguments arguments, std::vector<std::string>* complaints) {
  Invocation invocation;
  const auto complain = [&](std::string text) {
    if (complaints != nullptr) complaints->push_back(std::move(text));
  };
  const std::size_t at = find_command_word(arguments);
  if (at < arguments.size()) {
    const CommandRow* const row = find_command(arguments[at]);
    if (row == nullptr) {
      complain(unknown_command(arguments[at]));
      return invocation;
    }
    invocation.command = row->command;
  }
  bool flags_over = invocation.command == Command::Complete;
  for (Arguments rest = arguments; !rest.empty();) {
    const std::string& word = rest.front();
    const bool is_command = rest.data() == arguments.data() + at;
    if (!flags_over && word.size() > 1 && word.starts_with('-') && word != "--") {
      if (auto complaint = take_flag(invocation, rest)) complain(std::move(*complaint));
      continue;
    }
    if (!flags_over && word == "--") {
      flags_over = true;
    } else if (!is_command) {
      invocation.arguments.push_back(without_kind(invocation.command, word));
    }
    rest = rest.subspan(1);
  }
  return invocation;
}

Complaint check_output(const CommandRow& row, Output output) {
  constexpr std::array<std::string_view, 6> kNames{"text", "wide", "json", "yaml", "name", "token"};
  const auto name = kNames[static_cast<std::size_t>(output)];
  if (output == Output::Text || std::ranges::find(row.outputs, name) != row.outputs.end())
    return {};
  return fmt::format("--output: {} does not go with {}; allowed are {}", name, row.name,
                     fmt::join(row.outputs, ", "));
}

// Too many or too few arguments, or an empty name: a request for it would mean all ApiTokens.
Complaint check_arguments(const Invocation& invocation) {
  const auto& arguments = invocation.arguments;
  const CommandRow& row = row_of(invocation.command);
  if (arguments.size() < row.fewest) return fmt::format("{} needs {}", row.name, row.arguments);
  const bool takes_names =
      row.fewest > 0 || row.command == Command::Rotate || row.command == Command::Revoke;
  if (takes_names && std::ranges::find(arguments, "") != arguments.end())
    return fmt::format("{} needs {}, which is empty", row.name, row.arguments);
  if (arguments.size() <= row.most) return {};
  if (row.command == Command::List)
    return fmt::format("list takes no names; for one see: describe {}", arguments[0]);
  if (row.command == Command::Lint)
    return fmt::format("lint takes files by flag: -f {}", arguments[0]);
  if (row.command == Command::Verify)
    // Does not quote the argument, which may be a token.
    return "verify takes one token; better pass it on standard input";
  return fmt::format("{} takes {}, and \"{}\" is too much", row.name,
                     row.arguments.empty() ? "no arguments" : row.arguments, arguments[row.most]);
}

// Which ApiTokens rotate and revoke act on.
Complaint check_selection(const Invocation& invocation) {
  const auto& [command, arguments, options] = invocation;
  if (command != Command::Rotate && command != Command::Revoke) return {};
  const bool selects = options.all || !options.selector.empty() || options.expiring_within;
  if (arguments.empty() && !selects)
    return fmt::format("{} needs NAME, or --selector, --expiring-within or --all",
                       row_of(command).name);
  if (!arguments.empty() && selects)
    return "names and --selector, --expiring-within or --all contradict each other; leave one out";
  const bool several = selects || arguments.size() > 1;
  if (several && (options.output == Output::Token || options.show_value == true || options.copy))
    return "the values of several tokens are not shown; rotate one at a time";
  return {};
}

// Whether and where create, login and rotate show the value.
Complaint check_showing(const Invocation& invocation) {
  const Options& options = invocation.options;
  const bool shows = options.output == Output::Token || options.show_value == true || options.copy;
  if (!options.encrypt_to_file.empty() && shows)
    return "a value that is encrypted with --encrypt-to cannot be shown here; leave out one of "
           "both";
  if (options.copy && (options.output != Output::Text || options.show_value))
    return "--copy contradicts --output and --show-value; leave one out";
  if (options.show_value == true && options.output != Output::Text &&
      options.output != Output::Token)
    return "--show-value and --output contradict each other; -o token prints the value alone";
  if (options.show_value == false && options.output == Output::Token)
    return "-o token and --show-value=false contradict each other; leave one out";
  const bool makes = invocation.command != Command::Show;
  if (makes && (options.output == Output::Token || options.copy) &&
      (!options.wait || options.dry_run != DryRun::None))
    return fmt::format("{} needs a minted value: leave out --wait=false and --dry-run",
                       options.copy ? "--copy" : "-o token");
  return {};
}

// Checks that flags and arguments fit together.
Complaint check(const Invocation& invocation) {
  const auto& [command, arguments, options] = invocation;
  const CommandRow& row = row_of(command);
  if (auto complaint = check_arguments(invocation)) return complaint;
  if (auto complaint = check_output(row, options.output)) return complaint;
  if (auto complaint = check_selection(invocation)) return complaint;
  if (auto complaint = check_showing(invocation)) return complaint;
  if (command == Command::Create && options.user.empty())
    return "create needs --user, the user whom the token authenticates; for a temporary token of "
           "your own see login";
  if (command == Command::List && options.all_users + options.mine + !options.user.empty() > 1)
    return "--all, --mine and --user contradict each other; keep one";
  if (command == Command::Lint && options.files.empty())
    return "lint needs -f FILE; - is standard input";
  return {};
}

}  // namespace

std::expected<Invocation, std::string> parse_command_line(Arguments arguments) {
  for (const auto& word : arguments) {
    if (!simdjson::validate_utf8(word))
      return std::unexpected("an argument is not UTF-8: " + core::plain_text(word));
  }
  if (arguments.size() == 1 && arguments.front() == "--version")
    return Invocation{.command = Command::Version, .arguments = {}, .options = {}};
  std::vector<std::string> complaints;
  Invocation invocation = read_arguments(arguments, &complaints);
  if (invocation.options.help && complaints.empty()) return invocation;
  if (complaints.empty()) {
    if (auto complaint = check(invocation)) complaints.push_back(std::move(*complaint));
  }
  if (complaints.empty()) return invocation;
  const auto complaint = core::plain_text(complaints.front());  // may quote an argument
  if (invocation.command == Command::Help) return std::unexpected(complaint);
  return std::unexpected(fmt::format("{}; see: kubectl apitoken {} --help", complaint,
                                     row_of(invocation.command).name));
}

Invocation parse_partial(Arguments arguments) { return read_arguments(arguments, nullptr); }

}  // namespace apitoken::cli
