#include "program/log.hpp"

#include <fmt/format.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/rfc3339.hpp"

namespace apitoken {
namespace {

std::string format_time(std::chrono::system_clock::time_point time) {
  constexpr std::size_t kToMilliseconds = sizeof "2026-11-24T08:00:00.123" - 1;
  return format_rfc3339_micro(time).substr(0, kToMilliseconds) + "Z";
}

// The length of the UTF-8 sequence that `text` begins with; 0: it begins with none. Source: RFC
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

// The escape that JSON wants for `c`; empty: none. Text lines use it too, but for quotes and
// backslashes.
std::string json_escape(char c) {
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
    const auto escape = json_escape(text.front());
    if (length == 0) {
      line += "\\ufffd";
    } else if (!escape.empty()) {
      line += escape;
    } else {
      line += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  line += '"';
}

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// Where the next " key=" begins (at its blank), from `from` on; what stands in quotes is passed
// over.
std::size_t find_field(std::string_view text, std::size_t from) {
  bool quoted = false;
  for (std::size_t at = from; at < text.size(); ++at) {
    if (text[at] == '"' && (at == 0 || text[at - 1] != '\\')) quoted = !quoted;
    if (quoted || text[at] != ' ') continue;
    std::size_t end = at + 1;
    while (end < text.size() && is_key_character(text[end])) ++end;
    if (end > at + 1 && end < text.size() && text[end] == '=') return at;
  }
  return text.size();
}

std::string unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return std::string(quoted ? value.substr(1, value.size() - 2) : value);
}

bool is_taken(const LogMessage& message, std::string_view key) {
  constexpr std::array<std::string_view, 3> kOwn{"time", "level", "msg"};
  return std::ranges::find(kOwn, key) != kOwn.end() ||
         std::ranges::any_of(message.fields,
                             [key](const auto& field) { return field.first == key; });
}

LogLevel level_of(spdlog::level::level_enum level) {
  if (level <= spdlog::level::debug) return LogLevel::Debug;
  if (level == spdlog::level::info) return LogLevel::Info;
  return level == spdlog::level::warn ? LogLevel::Warn : LogLevel::Error;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                               spdlog::level::err};
  return kLevels[static_cast<std::size_t>(level)];
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const auto write = format_ == LogFormat::Json ? format_json_line : format_text_line;
    const auto line = write(message.time, level_of(message.level), text);
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  const LogFormat format_;
};

}  // namespace

LogMessage split_fields(std::string_view message) {
  auto at = find_field(message, 0);
  LogMessage split{std::string(message.substr(0, at)), {}};
  while (at < message.size()) {
    const auto next = find_field(message, at + 1);
    const auto field = message.substr(at + 1, next - at - 1);
    const auto equals = field.find('=');
    const auto key = field.substr(0, equals);
    if (is_taken(split, key)) return {std::string(message), {}};
    split.fields.emplace_back(key, unquoted(field.substr(equals + 1)));
    at = next;
  }
  return split;
}

std::string format_text_line(std::chrono::system_clock::time_point time, LogLevel level,
                             std::string_view message) {
  constexpr std::array kNames{"DEBUG", "INFO ", "WARN ", "ERROR"};
  auto line = fmt::format("{} {} ", format_time(time), kNames[static_cast<std::size_t>(level)]);
  for (const char c : message) {
    const auto escape = c == '"' || c == '\\' ? std::string() : json_escape(c);
    escape.empty() ? line += c : line += escape;
  }
  return line += '\n';
}

std::string format_json_line(std::chrono::system_clock::time_point time, LogLevel level,
                             std::string_view message) {
  constexpr std::array kNames{"debug", "info", "warn", "error"};
  auto line = fmt::format(R"({{"time":"{}","level":"{}","msg":)", format_time(time),
                          kNames[static_cast<std::size_t>(level)]);
  const auto split = split_fields(message);
  append_json_string(line, split.text);
  for (const auto& [key, value] : split.fields) {
    line += ',';
    append_json_string(line, key);
    line += ':';
    append_json_string(line, value);
  }
  return line += "}\n";
}

void set_up_log(LogLevel level, LogFormat format) {
  std::signal(SIGPIPE, SIG_IGN);
  auto logger =
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<LineFormatter>(format));
  logger->set_level(spdlog_level(level));
  logger->flush_on(spdlog::level::debug);
  logger->set_error_handler([](const std::string&) {});  // nowhere left to say it
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace apitoken
