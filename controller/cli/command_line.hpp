// The plugin's command line: two tables, of commands and of flags, from which parsing, help and
// completion all work. main() calls it, on the main thread. Reads nothing but its arguments, prints
// nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace apitoken::cli {

enum class Command {
  Create,
  Login,
  List,
  Describe,
  Rotate,
  Revoke,
  Verify,
  TestMail,
  Web,
  Lint,
  Completion,
  Version,
  Help,
  Complete
};
enum class Output { Text, Wide, Json, Yaml, Name, Token };
enum class DryRun { None, Client, Server };

// What the flags say. A flag that a command does not take keeps its initial value.
struct Options {
  bool help = false;

  std::string name_space;  // empty: the context's own
  bool all_namespaces = false;
  std::string context;
  std::string kubeconfig;
  Output output = Output::Text;

  std::string user;
  std::string description;
  std::string type;
  std::string ttl;  // in hours, minutes and seconds
  std::string format;
  std::vector<std::string> groups;
  std::vector<std::string> scopes;
  std::vector<std::string> audiences;
  std::string secret_name;
  std::string key;
  DryRun dry_run = DryRun::None;

  bool wait = true;
  Seconds timeout{60};
  std::optional<bool> show_value;  // unset: to a terminal only
  bool keep = false;               // the value stays in its Secret, in clear

  bool all_users = false;
  std::optional<Seconds> expiring_within;
  bool yes = false;
  bool offline = false;
  std::vector<std::string> files;

  std::uint16_t port = 0;  // of 127.0.0.1; 0: any free one
  bool open = false;       // in the browser
  Seconds idle{1800};
  bool read_only = false;
  std::string portal_assets;  // a directory; empty: those of the program
};

struct Invocation {
  Command command = Command::Help;
  std::vector<std::string> arguments;
  Options options;
};

struct CommandRow {
  Command command;
  std::string_view name;       // empty: not for people
  std::string_view arguments;  // "NAME"
  std::size_t fewest, most;
  std::string_view summary;
  std::string_view about;
  std::string_view examples;
  std::span<const std::string_view> outputs;  // what -o takes; empty: no -o
};

struct FlagRow {
  std::string_view name;
  char letter;             // 0: none
  std::string_view value;  // what stands for the value in help; empty: a bool
  std::string_view help;
  std::uint32_t commands;  // who takes it: the bits of on()
  // What is wrong with the value; nothing where it was taken over.
  std::optional<std::string> (*apply)(Options& options, std::string_view value);
  std::span<const std::string_view> choices{};  // for completion
};

constexpr std::uint32_t on(auto... commands) {
  return ((1U << static_cast<unsigned>(commands)) | ...);
}

std::span<const CommandRow> command_rows();
std::span<const FlagRow> flag_rows();
const CommandRow& row_of(Command command);
bool takes(Command command, const FlagRow& flag);
// By what is written: "--user", "-n".
bool is_named(const FlagRow& flag, std::string_view name);
// Null where the command has none such.
const FlagRow* find_flag(Command command, std::string_view name);

// `arguments`: without the program's name. Errors: what is wrong, for one line after "error: ".
std::expected<Invocation, std::string> parse_command_line(std::span<const std::string> arguments);
// The same for a command line that is still being written: what cannot be read is passed over.
Invocation read_what_is_there(std::span<const std::string> arguments);

}  // namespace apitoken::cli
