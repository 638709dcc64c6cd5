// What the plugin is talking to: which of its streams are terminals, whether colours are welcome,
// how to show progress, ask, and read a token. Made once by main(); used on the main thread. A
// value is written past stdio's buffers.
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
  bool colours = false;  // on standard output
};

// As they are: isatty(), and colours unless NO_COLOR (https://no-color.org) or TERM=dumb says no.
Streams look_at_streams();

class Terminal {
 public:
  Terminal(Streams streams, std::stop_token stop) : streams_(streams), stop_(std::move(stop)) {}

  const Streams& streams() const { return streams_; }
  const std::stop_token& stop() const { return stop_; }

  // To standard output, and a line of its own to standard error.
  void out(std::string_view text) const;
  void note(std::string_view line) const;
  // The value and a line break, to standard output and nowhere else.
  void out_value(const SecretString& value) const;
  std::string painted(Colour colour, std::string_view text) const;

  // Asks on standard error and reads an answer; anything but y or yes is no.
  Outcome<bool> confirm(std::string_view question) const;
  // All of standard input, at most `limit` bytes, without white space at its ends.
  Outcome<SecretString> read_all(std::size_t limit) const;
  // Lets time pass; false once told to stop.
  bool pause(std::chrono::milliseconds time) const;

 private:
  const Streams streams_;
  const std::stop_token stop_;
};

// "waiting: …" on standard error for as long as it lives: one line that moves on a terminal, else a
// line each time that the state changes; nothing in the first second.
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
