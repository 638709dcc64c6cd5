// Flags in Go's syntax, as users of kubebuilder operators know them. A program has a table of its
// flags and a struct of settings; its main() reads them once, before any thread. The kubectl plugin
// also has commands and one-letter flags; it applies the value of each flag by apply_flag() too.
// Pure, if the table's setters are.
//
//   constexpr std::array kFlags{Flag<Config>{"workers", "N", "8", "How many …", set_workers}};
//   if (Complaint complaint = take_flags<Config>(kFlags, config, arguments)) …
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/nearest.hpp"
#include "core/plain_text.hpp"

namespace apitoken {

// What is wrong with a value, one line for the user; empty if the value was taken over.
using Complaint = std::optional<std::string>;

template <typename Settings>
struct Flag {
  std::string_view name;
  std::string_view value;  // the word for the value in the help text; empty: a bool
  std::string_view initial;
  std::string_view help;
  Complaint (*apply)(Settings& settings, std::string_view value);
};

// The setters that tables share. Each leaves `field` as it was if it complains.
Complaint set_bool(bool& field, std::string_view value);
Complaint set_bind_address(std::string& field, std::string_view value);
Complaint set_file(std::string& field, std::string_view value);
Complaint set_whole_number(int& field, std::string_view value, int least, int most);
Complaint set_log_level(log::Level& field, std::string_view value);
Complaint set_log_format(log::Format& field, std::string_view value);
// Adds the items between the commas, without blanks around them: a flag with a list may be
// repeated. `refuse` complains about an item.
Complaint add_items(std::vector<std::string>& items, std::string_view value,
                    Complaint (*refuse)(std::string_view));
// For add_items(): allows names of namespaces.
Complaint refuse_namespace(std::string_view name);

// [A-Za-z0-9._-], as host names and keys have them.
bool is_host_character(char c);
// https://HOST[:PORT][/PATH] without query, fragment and user.
bool is_plain_https_url(std::string_view value);

// One argument taken apart: its flag's name and, if there is a "=", the value after it.
struct FlagArgument {
  std::string_view name;
  std::optional<std::string_view> value;
};
// Takes "--NAME", "-NAME" and "--NAME=VALUE" apart. Empty if `argument` is no flag.
std::optional<FlagArgument> split_argument(std::string_view argument);

template <typename Settings>
const Flag<Settings>* find_flag(std::span<const Flag<Settings>> flags, std::string_view name) {
  if (name == "h") name = "help";
  const auto found = std::ranges::find(flags, name, &Flag<Settings>::name);
  return found == flags.end() ? nullptr : &*found;
}

// Applies a flag that was written with `value`, or without one: then its value is the next one of
// `rest`, and true for a switch. `Row` has the name, value and apply of a Flag.
template <typename Row, typename Settings, typename Argument>
Complaint apply_flag(const Row& flag, std::optional<std::string_view> value, Settings& settings,
                     std::span<const Argument>& rest) {
  if (!value && flag.value.empty()) value = "true";
  if (!value) {
    if (rest.empty())
      return fmt::format("--{} needs a value: --{}={}", flag.name, flag.name, flag.value);
    value = rest.front();
    rest = rest.subspan(1);
  }
  const auto complaint = flag.apply(settings, *value);
  if (!complaint) return {};
  return fmt::format("--{}: invalid value \"{}\": {}", flag.name, *value, *complaint);
}

// Takes the first flag, and its value, off `arguments`.
template <typename Settings>
Complaint take_flag(std::span<const Flag<Settings>> flags, Settings& settings,
                    std::span<const char* const>& arguments) {
  const std::string_view text = arguments.front();
  arguments = arguments.subspan(1);
  const auto argument = split_argument(text);
  if (!argument)
    return fmt::format("unexpected argument \"{}\"; only flags are taken, see --help", text);
  const auto* flag = find_flag(flags, argument->name);
  if (flag == nullptr) {
    const auto names = std::views::transform(flags, &Flag<Settings>::name);
    return fmt::format("unknown flag --{}; did you mean --{}? See --help", argument->name,
                       nearest_word(argument->name, names));
  }
  return apply_flag(*flag, argument->value, settings, arguments);
}

// `arguments` without the program's name. The complaint says which flag, which value, what is
// allowed.
template <typename Settings>
Complaint take_flags(std::span<const Flag<Settings>> flags, Settings& settings,
                     std::span<const char* const> arguments) {
  while (!arguments.empty()) {
    if (const auto complaint = take_flag(flags, settings, arguments))
      return core::plain_text(*complaint);
  }
  return {};
}

// The lines of --help, two for each flag.
template <typename Settings>
std::string describe_flags(std::span<const Flag<Settings>> flags) {
  std::string text;
  for (const auto& flag : flags) {
    const auto left = flag.value.empty() ? fmt::format("--{}", flag.name)
                                         : fmt::format("--{} {}", flag.name, flag.value);
    const auto initial =
        flag.initial.empty() ? std::string() : fmt::format(" (default {})", flag.initial);
    text += fmt::format("  {}{}\n      {}\n", left, initial, flag.help);
  }
  return text;
}

}  // namespace apitoken
