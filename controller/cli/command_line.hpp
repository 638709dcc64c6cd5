// The plugin's command line: a table of commands and a table of flags. Parser, help and completion
// all work from these tables. Pure; any thread. To add a command: a row in command_rows.cpp; to add
// a flag: a row in flags.cpp.
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
  Show,
  Rotate,
  Revoke,
  Verify,
  TestMail,
  Web,
  Check,
  SupportBundle,
  Lint,
  Completion,
  Version,
  Help,
  Complete
};
enum class Output { Text, Wide, Json, Yaml, Name, Token };
enum class DryRun { None, Client, Server };

// The values of all flags. A flag that was not given keeps its initial value.
struct Options {
  bool help = false;

  std::string name_space;  // empty: the context's own
  bool all_namespaces = false;
  std::string context;
  std::string cluster;
  std::string kubeconfig;
  std::string as_user;  // as whom the requests are made
  std::string as_uid;
  std::vector<std::string> as_groups;
  bool may_ask = true;  // exec plugins may talk to the person at the terminal
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
  std::vector<std::string> labels;  // "team=a"
  std::vector<std::string> secret_labels;
  std::vector<std::string> secret_annotations;
  std::string delete_after;  // this and the next: in hours, minutes and seconds
  std::string ttl_after_expired;
  std::string encrypt_to_file;  // "-": standard input
  bool rotates = false;         // rotation.policy Automatic
  std::string rotate_before;
  std::string overlap;
  DryRun dry_run = DryRun::None;

  bool wait = true;
  Seconds timeout{60};
  std::optional<bool> show_value;  // unset: to a terminal only
  bool keep = false;               // also keep the value in its Secret, in clear

  bool mine = false;       // list: only tokens of the caller
  bool all_users = false;  // list: says the default
  bool all = false;        // rotate and revoke: all of the namespace
  std::string selector;    // a label selector
  bool copy = false;       // to the clipboard
  std::string operator_namespace = "apitoken-system";
  std::string bundle_file;                 // of support-bundle; empty: named by the time
  std::optional<Seconds> request_timeout;  // of one request; unset: by --timeout
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
  std::string_view name;       // empty: not listed in help
  std::string_view arguments;  // "NAME"
  std::size_t fewest, most;
  std::string_view summary;
  std::string_view about;
  std::string_view examples;
  std::span<const std::string_view> outputs;  // values of -o; empty: no -o
};

struct FlagRow {
  std::string_view name;
  char letter;             // 0: none
  std::string_view value;  // the name of the value in help; empty: a switch
  std::string_view help;
  std::uint32_t commands;  // the commands that take it: bits of on()
  // Stores the value. Returns what is wrong with it, or empty.
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
// The flag is written as `name`: "--user", "-n".
bool is_named(const FlagRow& flag, std::string_view name);
// Null if the command has no such flag.
const FlagRow* find_flag(Command command, std::string_view name);

// Parses the arguments without the program's name. Errors: a message of one line.
std::expected<Invocation, std::string> parse_command_line(std::span<const std::string> arguments);
// Parses a command line that is still being typed: skips what it cannot parse.
Invocation parse_partial(std::span<const std::string> arguments);

}  // namespace apitoken::cli
