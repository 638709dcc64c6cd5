// The program's log: lines on stderr, as text for people or JSON for collectors. main calls
// set_up_log once, before any thread; everyone logs through spdlog as "what happened key=value".
// Only log.cpp knows of sinks. A line that cannot be written never fails the program.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace apitoken {

enum class LogLevel { Debug, Info, Warn, Error };
enum class LogFormat { Text, Json };

// Also ignores SIGPIPE, so that a log reader that goes away does not take the operator with it.
void set_up_log(LogLevel level, LogFormat format);

// "2026-11-24T08:00:00.123Z INFO  minted namespace=team-a" with control characters escaped: one
// message is one line.
std::string format_text_line(std::chrono::system_clock::time_point time, LogLevel level,
                             std::string_view message);
// {"time":"2026-11-24T08:00:00.123Z","level":"info","msg":"minted","namespace":"team-a"}. Bytes
// that are no UTF-8 become U+FFFD.
std::string format_json_line(std::chrono::system_clock::time_point time, LogLevel level,
                             std::string_view message);

// A message taken apart. Fields begin at the first " key=" and each runs to the next one; quotes
// around a value are taken off. Nothing is taken apart where a key stands twice or is one of time,
// level and msg.
struct LogMessage {
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields;

  bool operator==(const LogMessage&) const = default;
};
LogMessage split_fields(std::string_view message);

}  // namespace apitoken
