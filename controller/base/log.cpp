// Formats lines, and hands them to spdlog, which writes them.
#include "base/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <utility>

#include "base/mutex.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::log {
namespace {

std::string format_time(Time time) {
  constexpr std::size_t kToMilliseconds = sizeof "2026-11-24T08:00:00.123" - 1;
  return format_rfc3339_micro(time).substr(0, kToMilliseconds) + "Z";
}

// The length of the UTF-8 sequence that `text` begins with; 0 if it begins with none. Source: RFC
// 3629 section 4.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto within = [&](std::size_t i, unsigned low, unsigned high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return within(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool second = within(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    return second && within(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool second = within(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && within(2, 0x80, 0xBF) && within(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// The escape of `c` in a JSON string; empty if `c` needs none.
std::string escape(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F ? fmt::format("\\u{:04x}", byte) : std::string();
}

void append_json_string(std::string& line, std::string_view text) {
  line += '"';
  while (!text.empty()) {
    const auto length = utf8_length(text);
    const auto escaped = escape(text.front());
    if (length == 0) {
      line += "\\ufffd";
    } else if (!escaped.empty()) {
      line += escaped;
    } else {
      line += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  line += '"';
}

// Control characters are escaped, so that a message is one line and cannot move a terminal's
// cursor.
void append_text(std::string& line, std::string_view text) {
  for (const char c : text) {
    const bool stays = c == '"' || c == '\\';
    const auto escaped = stays ? std::string() : escape(c);
    escaped.empty() ? line += c : line += escaped;
  }
}

bool needs_quotes(std::string_view value) {
  return value.empty() || std::ranges::any_of(value, [](char c) {
           return c == ' ' || c == '=' || !escape(c).empty();
         });
}

void append_value(std::string& line, std::string_view value) {
  if (!needs_quotes(value)) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    const auto escaped = escape(c);
    escaped.empty() ? line += c : line += escaped;
  }
  line += '"';
}

// Lines are whole when they reach spdlog, which adds nothing. Its errors are ignored: there is no
// place left to report them.
std::shared_ptr<spdlog::logger> make_logger() {
  auto logger = std::make_shared<spdlog::logger>("apitoken",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(
      std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, ""));
  logger->set_level(spdlog::level::trace);
  logger->set_error_handler([](const std::string&) {});
  return logger;
}

Sink stderr_sink(Format format) {
  const auto format_line = format == Format::Json ? json_line : text_line;
  return [format_line, logger = make_logger()](Level level, std::string_view message,
                                               std::span<const Field> fields) {
    const auto line = format_line(std::chrono::system_clock::now(), level, message, fields);
    logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  };
}

struct State {
  std::atomic<Level> level = Level::Info;
  Mutex mutex;  // held while the sink writes, so that lines do not mix
  Sink sink GUARDED_BY(mutex) = stderr_sink(Format::Text);
};

State& state() {
  static State state;
  return state;
}

}  // namespace

void write(Level level, std::string_view message, std::span<const Field> fields) {
  State& log = state();
  if (level < log.level.load()) return;
  const MutexLock lock(log.mutex);
  if (log.sink) log.sink(level, message, fields);
}

void set_up(Level level, Format format) {
  std::signal(SIGPIPE, SIG_IGN);
  state().level = level;
  exchange_sink(stderr_sink(format));
}

Sink exchange_sink(Sink sink) {
  State& log = state();
  const MutexLock lock(log.mutex);
  return std::exchange(log.sink, std::move(sink));
}

std::string plain_line(std::string_view message, std::span<const Field> fields) {
  std::string line;
  append_text(line, message);
  for (const Field& field : fields) {
    line.append(" ").append(field.key).append("=");
    append_value(line, field.value);
  }
  return line;
}

std::string text_line(Time time, Level level, std::string_view message,
                      std::span<const Field> fields) {
  constexpr std::array kNames{"DEBUG", "INFO ", "WARN ", "ERROR"};
  return fmt::format("{} {} {}\n", format_time(time), kNames[static_cast<std::size_t>(level)],
                     plain_line(message, fields));
}

std::string json_line(Time time, Level level, std::string_view message,
                      std::span<const Field> fields) {
  constexpr std::array kNames{"debug", "info", "warn", "error"};
  auto line = fmt::format(R"({{"time":"{}","level":"{}","msg":)", format_time(time),
                          kNames[static_cast<std::size_t>(level)]);
  append_json_string(line, message);
  for (const Field& field : fields) {
    line.append(",\"").append(field.key).append("\":");
    append_json_string(line, field.value);
  }
  return line += "}\n";
}

}  // namespace apitoken::log
