// The program's log: one line an event on stderr, as text for people or as JSON for collectors.
// main calls set_up() once, before any other thread; info() and its like may be called on any
// thread. A line that cannot be written is dropped: logging never fails the program.
//
//   log::info("minted", {{"namespace", token.ns}, {"name", token.name}, {"revision", 3}});
//
//   2026-11-24T08:00:00.123Z INFO  minted namespace=team-a name=ci revision=3
//   {"time":"2026-11-24T08:00:00.123Z","level":"info","msg":"minted","namespace":"team-a",...}
//
// The message is constant text wherever possible; everything that varies is a field. Text lines
// quote a value that is empty or holds blanks, quotes, "=" or control characters.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace apitoken::log {

enum class Level { Debug, Info, Warn, Error };
enum class Format { Text, Json };

// A field's name: lower case, digits and "_". The compiler refuses other characters and the three
// names that each JSON line has already.
struct Key {
  template <std::size_t N>
  consteval Key(const char (&name)[N]) : text(name, N - 1) {
    for (const char c : text) {
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) throw "invalid key";
    }
    if (text.empty() || text == "time" || text == "level" || text == "msg") throw "reserved key";
  }
  std::string_view text;
};

struct Field {
  Field(Key name, std::string_view text) : key(name.text), value(text) {}
  template <typename T>
    requires std::integral<T>
  Field(Key name, T number) : key(name.text), value(fmt::format("{}", number)) {}

  std::string_view key;
  std::string value;
};
using Fields = std::initializer_list<Field>;

void write(Level level, std::string_view message, std::span<const Field> fields);
inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::Debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::Info, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
  write(Level::Warn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::Error, message, fields);
}

// Lines below `level` are dropped from now on. Also ignores SIGPIPE, so that a log reader that goes
// away does not end the program. Before the first call, lines are written as text from Info on.
void set_up(Level level, Format format);

using Time = std::chrono::system_clock::time_point;
// Each ends with a line feed, and has no other: control characters are escaped. Bytes that are not
// UTF-8 become U+FFFD in JSON, and stay as they are in text.
std::string text_line(Time time, Level level, std::string_view message,
                      std::span<const Field> fields);
std::string json_line(Time time, Level level, std::string_view message,
                      std::span<const Field> fields);
// Only the message and its fields, as a text line shows them; no line feed.
std::string plain_line(std::string_view message, std::span<const Field> fields);

// Gets each line in place of stderr; called by one thread at a time. Null: lines are dropped.
using Sink = std::function<void(Level level, std::string_view message, std::span<const Field>)>;
// Returns the sink in use before. Called while no other thread logs.
Sink exchange_sink(Sink sink);

}  // namespace apitoken::log
