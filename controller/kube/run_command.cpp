// posix_spawn with pipes; a pidfd tells the program's end, so that a grandchild holding the pipes
// open delays nothing.
#include "kube/run_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <optional>

extern char** environ;

namespace apitoken::kube {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  ~Descriptor() { reset(); }
  int get() const { return number_; }
  void reset() {
    if (number_ >= 0) close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read, write;
  Pipe() {
    std::array<int, 2> ends{-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC) == 0) {
      fcntl(ends[0], F_SETFL, O_NONBLOCK);
      read = Descriptor(ends[0]);
      write = Descriptor(ends[1]);
    }
  }
};

std::vector<std::string> environment_of(const Command& command) {
  std::map<std::string, std::string, std::less<>> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t sign = text.find('=');
    if (sign != text.npos)
      merged.insert_or_assign(std::string(text.substr(0, sign)),
                              std::string(text.substr(sign + 1)));
  }
  for (const auto& [name, value] : command.environment) merged.insert_or_assign(name, value);
  std::vector<std::string> entries;
  for (const auto& [name, value] : merged) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// The child has default signals and no descriptor but 0, 1, 2. Without a terminal it leads a
// process group of its own, with nothing on its input.
Result<pid_t> spawn(const Command& command, const Pipe& output, const Pipe& errors) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (!command.terminal) {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, errors.write.get(), 2);
  }
  posix_spawn_file_actions_adddup2(&actions, output.write.get(), 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  const int group = command.terminal ? 0 : POSIX_SPAWN_SETPGROUP;
  posix_spawnattr_setflags(
      &attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));

  std::vector<std::string> words{command.program};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> variables = environment_of(command);
  pid_t child = 0;
  const int error = posix_spawnp(&child, command.program.c_str(), &actions, &attributes,
                                 pointers(words).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return fail(ErrorKind::Unauthorized,
                fmt::format("cannot be started: {}", std::strerror(error)));
  return child;
}

// Appends what is there now. False at the end of the stream.
bool drain(int from, std::string& into, std::size_t limit) {
  while (into.size() <= limit) {
    const std::size_t size = into.size();
    into.resize(size + 4096);
    const ssize_t got = read(from, into.data() + size, 4096);
    into.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
  }
  return true;
}

// The end of a long text is what matters.
void keep_tail(std::string& text) {
  if (text.size() > 4096) text.erase(0, text.size() - 4096);
}

std::string last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == text.npos) return "";
  text = text.substr(0, end + 1);
  return std::string(text.substr(text.find_last_of("\r\n") + 1).substr(0, 300));
}

struct Said {
  std::string output, errors;
};

// Collects the program's output until it ends. Returns why it must be ended; empty: it has ended.
std::optional<std::string> listen(const Command& command, const Descriptor& child, Pipe& output,
                                  Pipe& errors, Said& said) {
  const Deadline deadline = std::chrono::steady_clock::now() + command.timeout;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fmt::format("did not end within {} ms", command.timeout.count());
    std::array<pollfd, 3> waits{
        {{child.get(), POLLIN, 0}, {output.read.get(), POLLIN, 0}, {errors.read.get(), POLLIN, 0}}};
    if (poll(waits.data(), waits.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
      return "cannot be waited for";
    if (output.read.get() >= 0 && !drain(output.read.get(), said.output, command.output_limit))
      output.read.reset();
    if (errors.read.get() >= 0 && !drain(errors.read.get(), said.errors, 4096)) errors.read.reset();
    keep_tail(said.errors);
    if (said.output.size() > command.output_limit)
      return fmt::format("wrote more than {} bytes", command.output_limit);
    if ((waits[0].revents & POLLIN) != 0) {
      drain(output.read.get(), said.output, command.output_limit);
      drain(errors.read.get(), said.errors, 8192);
      return {};
    }
  }
}

std::string describe_end(int status, const std::string& errors) {
  const std::string said = last_line(errors);
  return fmt::format("{}{}",
                     WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                                         : fmt::format("ended with code {}", WEXITSTATUS(status)),
                     said.empty() ? "" : fmt::format(", saying \"{}\"", said));
}

}  // namespace

Result<SecretString> run_command(const Command& command) {
  Pipe output, errors;
  if (output.write.get() < 0 || errors.write.get() < 0) {
    return fail(ErrorKind::Unauthorized,
                fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  const pid_t child = TRY(spawn(command, output, errors));
  output.write.reset();
  errors.write.reset();
  const Descriptor ending(static_cast<int>(
      syscall(SYS_pidfd_open, child, 0)));  // <sys/pidfd.h> of glibc 2.36 is C only
  Said said;
  const std::optional<std::string> trouble = listen(command, ending, output, errors, said);
  if (trouble) kill(command.terminal ? child : -child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  SecretString result(std::move(said.output));
  if (trouble) return fail(ErrorKind::Unauthorized, *trouble);
  if (status != 0) return fail(ErrorKind::Unauthorized, describe_end(status, said.errors));
  return result;
}

}  // namespace apitoken::kube
