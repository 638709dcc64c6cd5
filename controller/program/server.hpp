// What all our servers share: the flags that each of them takes, and main() up to the part that
// differs.
//
//   struct Config : ServerSettings { … };
//   constexpr std::array kFlags{kMetricsBindAddressFlag<Config>, …};
//   int main(int argc, char** argv) {
//     return run_server<Config>({"apitoken-portal", APITOKEN_VERSION, parse_flags, help_text, run},
//                               argc, argv);
//   }
#pragma once

#include <cstdio>
#include <expected>

#include "program/flags.hpp"
#include "program/process.hpp"

namespace apitoken {

struct ServerSettings {
  std::string metrics_bind_address = ":8080";       // "0": none
  std::string health_probe_bind_address = ":8081";  // "0": none
  log::Level log_level = log::Level::Info;
  log::Format log_format = log::Format::Text;
  bool version = false;
  bool help = false;

  bool operator==(const ServerSettings&) const = default;
};

template <typename Settings>
constexpr Flag<Settings> kMetricsBindAddressFlag{
    "metrics-bind-address", "ADDRESS", ":8080", "Where /metrics is served; 0 for nowhere.",
    [](Settings& s, std::string_view v) { return set_bind_address(s.metrics_bind_address, v); }};
template <typename Settings>
constexpr Flag<Settings> kHealthProbeBindAddressFlag{
    "health-probe-bind-address", "ADDRESS", ":8081",
    "Where /healthz and /readyz are served; 0 for nowhere.", [](Settings& s, std::string_view v) {
      return set_bind_address(s.health_probe_bind_address, v);
    }};
template <typename Settings>
constexpr Flag<Settings> kLogLevelFlag{
    "log-level", "LEVEL", "info", "The lowest level that is logged: debug, info, warn or error.",
    [](Settings& s, std::string_view v) { return set_log_level(s.log_level, v); }};
template <typename Settings>
constexpr Flag<Settings> kLogFormatFlag{
    "log-format", "FORMAT", "text", "text for people, json for log collectors.",
    [](Settings& s, std::string_view v) { return set_log_format(s.log_format, v); }};
template <typename Settings>
constexpr Flag<Settings> kVersionFlag{
    "version", "", "", "Print the version and exit.",
    [](Settings& s, std::string_view v) { return set_bool(s.version, v); }};
template <typename Settings>
constexpr Flag<Settings> kHelpFlag{
    "help", "", "", "Print this and exit.",
    [](Settings& s, std::string_view v) { return set_bool(s.help, v); }};

template <typename Settings>
struct ServerProgram {
  const char* name;
  const char* version;
  std::expected<Settings, std::string> (*parse)(std::span<const char* const> arguments);
  std::string (*help)();
  int (*run)(const Settings& settings);  // the exit code
};

// The body of main(): logs as the settings say, and has signals blocked, before it calls
// program.run().
template <typename Settings>
int run_server(const ServerProgram<Settings>& program, int argc, char** argv) {
  prepare_process();
  const auto settings =
      program.parse({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
  if (!settings) {
    fmt::print(stderr, "{0}: {1}\nTry '{0} --help'.\n", program.name, settings.error());
    return kUsageError;
  }
  if (settings->help) {
    fmt::print("{}", program.help());
    return 0;
  }
  if (settings->version) {
    fmt::print("{} {}\n", program.name, program.version);
    return 0;
  }
  log::set_up(settings->log_level, settings->log_format);
  block_signals();
  raise_descriptor_limit();
  return program.run(*settings);
}

}  // namespace apitoken
