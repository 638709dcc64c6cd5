// Uses the standard streams.
#include "cli/terminal.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>

#include "base/mutex.hpp"

namespace apitoken::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kNarrowestScreen = 40;
constexpr std::size_t kWidestScreen = 120;  // longer lines are hard to read
constexpr milliseconds kPoll{100};          // how often a read of standard input checks for a stop

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// Reads standard input once. Returns the number of bytes, 0 at its end.
Outcome<std::size_t> read_some(char* bytes, std::size_t size, const std::stop_token& stop) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (!stop.stop_requested()) {
    if (poll(&input, 1, static_cast<int>(kPoll.count())) <= 0) continue;
    const ssize_t got = read(STDIN_FILENO, bytes, size);
    if (got < 0) return give_up(ExitCode::Failed, "standard input cannot be read");
    return static_cast<std::size_t>(got);
  }
  return give_up(ExitCode::Interrupted, "interrupted");
}

void trim(std::string& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto end = text.find_last_not_of(kBlanks);
  const std::size_t length = end == text.npos ? 0 : end + 1;
  wipe(text.data() + length, text.size() - length);
  text.resize(length);
  text.erase(0, std::min(text.find_first_not_of(kBlanks), text.size()));
}

}  // namespace

Streams detect_streams() {
  Streams streams{.in_terminal = isatty(STDIN_FILENO) == 1,
                  .out_terminal = isatty(STDOUT_FILENO) == 1,
                  .err_terminal = isatty(STDERR_FILENO) == 1};
  winsize size{};
  if (streams.out_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    streams.width = std::clamp<std::size_t>(size.ws_col, kNarrowestScreen, kWidestScreen);
  const char* const term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  streams.colours = streams.out_terminal && !is_set("NO_COLOR") && !dumb;
  return streams;
}

void Terminal::out(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void Terminal::note(std::string_view line) const {
  std::fflush(stdout);
  fmt::print(stderr, "{}\n", line);
}

void Terminal::out_value(const SecretString& value) const {
  std::fflush(stdout);
  for (std::string_view rest : {value.reveal(), std::string_view("\n")}) {
    while (!rest.empty()) {
      const ssize_t written = write(STDOUT_FILENO, rest.data(), rest.size());
      if (written < 0) {
        std::clearerr(stdout);
        std::fputc('\n', stdout);  // fails too, so that main() sees the error
        return;
      }
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }
}

std::string Terminal::painted(Colour colour, std::string_view text) const {
  constexpr const char* kCodes[] = {"", "32", "33", "31", "2"};
  if (!streams_.colours || colour == Colour::None) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(colour)], text);
}

Outcome<bool> Terminal::confirm(std::string_view question) const {
  std::fflush(stdout);
  fmt::print(stderr, "{} [y/N] ", question);
  std::string answer;
  while (answer.find('\n') == answer.npos && answer.size() < 100) {
    char bytes[64];
    const auto got = read_some(bytes, sizeof bytes, stop_);
    if (!got) fmt::print(stderr, "\n");
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    answer.append(bytes, *got);
  }
  trim(answer);
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes" || answer == "YES";
}

Outcome<SecretString> Terminal::read_all(std::size_t limit) const {
  std::string text;
  text.reserve(limit + 1);  // growth would leave unwiped copies
  while (text.size() <= limit) {
    const std::size_t before = text.size();
    text.resize(limit + 1);
    const auto got = read_some(text.data() + before, text.size() - before, stop_);
    text.resize(before + got.value_or(0));
    if (!got) {
      wipe(text);
      return std::unexpected(got.error());
    }
    if (*got == 0) {
      trim(text);
      return SecretString(std::move(text));
    }
  }
  wipe(text);
  return give_up(ExitCode::NotValid,
                 fmt::format("more than {} bytes on standard input: not a token", limit));
}

bool Terminal::pause(milliseconds time) const {
  Mutex mutex;
  MutexLock lock(mutex);
  std::condition_variable_any never;
  never.wait_for(lock, stop_, time, [] { return false; });
  return !stop_.stop_requested();
}

void Progress::show(std::string_view state) {
  const auto spent = std::chrono::steady_clock::now() - begin_;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(spent).count();
  if (seconds < 1) return;
  if (terminal_.streams().err_terminal) {
    clear();
    fmt::print(stderr, "\r{} waiting {}s: {}", "|/-\\"[turns_++ % 4], seconds, state);
    std::fflush(stderr);
    shown_ = state;
  } else if (shown_ != state) {
    terminal_.note(fmt::format("waiting: {}", state));
    shown_ = state;
  }
}

void Progress::clear() {
  if (!terminal_.streams().err_terminal || shown_.empty()) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  shown_.clear();
}

}  // namespace apitoken::cli
