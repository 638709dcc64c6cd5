// The clipboard: a program of the desktop, or the terminal.
#include "cli/clipboard.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/base64.hpp"

extern char** environ;

namespace apitoken::cli {
namespace {

struct Program {
  const char* variable;  // that says that its desktop is there; null: needs none
  std::array<const char*, 4> command;
};

constexpr std::array<Program, 4> kPrograms{{
    {"WAYLAND_DISPLAY", {"wl-copy", nullptr}},
    {"DISPLAY", {"xclip", "-selection", "clipboard", nullptr}},
    {"DISPLAY", {"xsel", "--clipboard", "--input", nullptr}},
    {nullptr, {"pbcopy", nullptr}},
}};

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// True: the program took `value` from its standard input and ended well.
bool feed(const Program& program, const SecretString& value) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return false;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, pipe_ends[0], STDIN_FILENO);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  // Such a program stays until another one copies, and would hold our connections open.
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  pid_t child = 0;
  const bool started = posix_spawnp(&child, program.command[0], &files, nullptr,
                                    const_cast<char* const*>(program.command.data()), environ) == 0;
  posix_spawn_file_actions_destroy(&files);
  close(pipe_ends[0]);
  const bool taken = started && write_all(pipe_ends[1], value.reveal());
  close(pipe_ends[1]);
  int status = 0;
  return started && waitpid(child, &status, 0) == child && taken && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, "Operating System Commands", 52.
bool ask_terminal(const SecretString& value) {
  const int terminal = open("/dev/tty", O_WRONLY | O_CLOEXEC);
  if (terminal < 0) return false;
  const SecretString sequence("\x1b]52;c;" + base64_encode(value.reveal()) + "\a");
  const bool written = write_all(terminal, sequence.reveal());
  close(terminal);
  return written;
}

}  // namespace

Outcome<std::string> copy_to_clipboard(const SecretString& value, const Terminal& terminal) {
  for (const Program& program : kPrograms) {
    const bool has_desktop =
        program.variable == nullptr || std::getenv(program.variable) != nullptr;
    if (has_desktop && feed(program, value)) return program.command[0];
  }
  if (terminal.streams().err_terminal && ask_terminal(value)) return "the terminal (OSC 52)";
  return give_up(ExitCode::Failed,
                 "the value cannot be copied: there is no wl-copy, xclip, xsel or pbcopy with a "
                 "desktop, and standard error is not a terminal; leave out --copy");
}

std::string copied_note(std::string_view by) {
  return fmt::format("The value is on the clipboard, by {}. Clipboard managers keep copies.", by);
}

}  // namespace apitoken::cli
