// kubectl-apitoken, the kubectl plugin: parses the command line, runs one command, and prints its
// Failure, all on the main thread. A second thread waits for signals and requests a stop.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <thread>

#include "base/core_dumps.hpp"
#include "base/log.hpp"
#include "cli/commands.hpp"
#include "cli/help.hpp"
#include "kube/cpprest_transport.hpp"

namespace {

using namespace apitoken;
using namespace apitoken::cli;

// Blocks signals in all threads, so that only watch_signals() receives them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// How long a command may clean up after the first signal.
constexpr timespec kGrace{.tv_sec = 5, .tv_nsec = 0};

// The first signal requests a stop of a command that uses a cluster; the second signal, or the end
// of kGrace, exits. Other commands have nothing to clean up: the first signal exits.
void watch_signals(const sigset_t& signals, bool at_once, std::stop_source& stop,
                   const std::atomic<bool>& over) {
  int signal = 0;
  sigwait(&signals, &signal);
  if (over) return;
  if (!at_once) {
    stop.request_stop();
    sigtimedwait(&signals, nullptr, &kGrace);
    if (over) return;
  }
  _exit(static_cast<int>(ExitCode::Interrupted));
}

bool asks_a_cluster(Command command) {
  return command != Command::Lint && command != Command::Completion &&
         command != Command::Version && command != Command::Help;
}

// Prints warnings of the kube layer (for example about an unverified server) as kubectl does.
void set_up_warnings() {
  log::exchange_sink([](log::Level level, std::string_view message, std::span<const log::Field> f) {
    if (level >= log::Level::Warn) fmt::print(stderr, "Warning: {}\n", log::plain_line(message, f));
  });
}

// The token among the arguments. Wipes it there, because `ps` shows arguments.
SecretString take_token(Invocation& invocation, char** argv) {
  if (invocation.command != Command::Verify || invocation.arguments.empty()) return {};
  for (char** argument = argv + 1; *argument != nullptr; ++argument) {
    if (invocation.arguments.front() == *argument) wipe(*argument, std::strlen(*argument));
  }
  return SecretString(std::move(invocation.arguments.front()));
}

Outcome<ExitCode> help(const Invocation& invocation, const Terminal& terminal) {
  if (invocation.arguments.empty()) {
    terminal.out(help_text(terminal.streams().width));
    return ExitCode::Ok;
  }
  const auto about =
      parse_command_line(std::vector{invocation.arguments.front(), std::string("--help")});
  if (!about) return give_up(ExitCode::Usage, about.error());
  terminal.out(help_text(about->command, terminal.streams().width));
  return ExitCode::Ok;
}

Outcome<ExitCode> run(Invocation& invocation, SecretString token, const Terminal& terminal) {
  if (invocation.options.help) {
    terminal.out(help_text(invocation.command, terminal.streams().width));
    return ExitCode::Ok;
  }
  switch (invocation.command) {
    case Command::Create:
      return run_create(invocation, terminal);
    case Command::Login:
      return run_login(invocation, terminal);
    case Command::List:
      return run_list(invocation, terminal);
    case Command::Describe:
      return run_describe(invocation, terminal);
    case Command::Show:
      return run_show(invocation, terminal);
    case Command::Rotate:
      return run_rotate(invocation, terminal);
    case Command::Revoke:
      return run_revoke(invocation, terminal);
    case Command::Verify:
      return run_verify(invocation, std::move(token), terminal);
    case Command::TestMail:
      return run_test_mail(invocation, terminal);
    case Command::Web:
      return run_web(invocation, APITOKEN_VERSION, terminal);
    case Command::Check:
      return run_check(invocation, terminal);
    case Command::SupportBundle:
      return run_support_bundle(invocation, APITOKEN_VERSION, terminal);
    case Command::Lint:
      return run_lint(invocation, terminal);
    case Command::Completion:
      return run_completion(invocation, terminal);
    case Command::Complete:
      return run_complete(invocation, terminal);
    case Command::Version:
      terminal.out("kubectl-apitoken " APITOKEN_VERSION "\n");
      return ExitCode::Ok;
    case Command::Help:
      break;
  }
  return help(invocation, terminal);
}

ExitCode report(const Outcome<ExitCode>& outcome) {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    fmt::print(stderr, "error: standard output cannot be written: {}\n", std::strerror(errno));
    return ExitCode::Failed;
  }
  if (outcome) return *outcome;
  fmt::print(stderr, "error: {}\n", outcome.error().message);
  return outcome.error().code;
}

// Owns the thread that watches signals.
class SignalWatch {
 public:
  SignalWatch(const sigset_t& signals, bool at_once)
      : watcher_([this, signals, at_once] { watch_signals(signals, at_once, stop_, over_); }) {}
  ~SignalWatch() {
    over_ = true;
    pthread_kill(watcher_.native_handle(), SIGTERM);  // wakes it
    watcher_.join();
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  std::stop_token stop() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::atomic<bool> over_ = false;
  std::thread watcher_;
};

ExitCode run_plugin(int argc, char** argv) {
  set_up_warnings();
  auto invocation =
      parse_command_line(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  if (!invocation) return report(give_up(ExitCode::Usage, invocation.error()));
  SecretString token = take_token(*invocation, argv);
  const sigset_t signals = block_signals();
  kube::prepare_cpprest();
  const SignalWatch watch(signals, !asks_a_cluster(invocation->command));
  return report(run(*invocation, std::move(token), Terminal(detect_streams(), watch.stop())));
}

}  // namespace

int main(int argc, char** argv) {
  forbid_core_dumps();
  const auto code = caught([&]() -> Outcome<ExitCode> { return run_plugin(argc, argv); });
  return static_cast<int>(code ? *code : report(code));
}
