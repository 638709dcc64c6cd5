// Terminal: output, questions, progress and input of the plugin. Knows which streams are terminals
// and whether to use colours. main() creates one; main thread. Writes a token value without stdio's
// buffers, which are not wiped.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/secret_string.hpp"
#include "cli/exit_code.hpp"

namespace apitoken::cli {

enum class Colour { None, Green, Yellow, Red, Faint };

struct Streams {
  bool in_terminal = false;
  bool out_terminal = false;
  bool err_terminal = false;
  bool colours = false;     // on standard output
  std::size_t width = 100;  // of standard output, in characters
};

// Asks isatty() for each stream. No colours if NO_COLOR (https://no-color.org) or TERM=dumb is set.
Streams detect_streams();

class Terminal {
 public:
  Terminal(Streams streams, std::stop_token stop) : streams_(streams), stop_(std::move(stop)) {}

  const Streams& streams() const { return streams_; }
  const std::stop_token& stop() const { return stop_; }

  // Text to standard output; a line to standard error.
  void out(std::string_view text) const;
  void note(std::string_view line) const;
  // The value and a line break to standard output.
  void out_value(const SecretString& value) const;
  std::string painted(Colour colour, std::string_view text) const;

  // Asks on standard error and reads the answer. True for y or yes.
  Outcome<bool> confirm(std::string_view question) const;
  // All of standard input, at most `limit` bytes, without white space at both ends.
  Outcome<SecretString> read_all(std::size_t limit) const;
  // Waits. False if a stop was requested.
  bool pause(std::chrono::milliseconds time) const;

 private:
  const Streams streams_;
  const std::stop_token stop_;
};

// Shows "waiting: …" on standard error while this object lives: one moving line on a terminal,
// otherwise a line for each change of state. Silent in the first second.
class Progress {
 public:
  explicit Progress(const Terminal& terminal) : terminal_(terminal) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::string_view state);

 private:
  void clear();

  const Terminal& terminal_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::string shown_;
  unsigned turns_ = 0;
};

}  // namespace apitoken::cli
