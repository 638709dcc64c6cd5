// web: serves the portal on loopback until a signal or nobody uses it any more.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/duration.hpp"
#include "cli/cluster.hpp"
#include "cli/commands.hpp"
#include "cli/local_door.hpp"
#include "portal/guards.hpp"
#include "portal/routes.hpp"
#include "portal/streams.hpp"
#include "serve/http_server.hpp"

extern char** environ;

namespace apitoken::cli {
namespace {

using std::chrono::milliseconds;

const std::string kProgram = "kubectl-apitoken-web";
constexpr milliseconds kLook{250};
constexpr std::size_t kWorkers = 8;
// Enough for one person's browser and for other programs of this machine.
constexpr serve::Limits kLimits{.connections = 256, .connections_per_address = 256};

class NoUpstreamObserver final : public portal::UpstreamObserver {
  void request_done(std::string_view, std::string_view) override {}
};

// The cluster's name on the page: the context of --context, else the server's host and port.
std::string cluster_name(const Options& options, const kube::Credentials& credentials) {
  if (!options.context.empty()) return options.context;
  std::string_view server = credentials.server();
  if (const auto scheme = server.find("://"); scheme != server.npos)
    server.remove_prefix(scheme + 3);
  return std::string(server.substr(0, server.find('/')));
}

// A file with a page that leads to the portal; only its owner can read it. The address has the key,
// and every user of the machine can read the arguments of programs.
class LeadingPage {
 public:
  explicit LeadingPage(std::string_view address) {
    std::string path = std::filesystem::temp_directory_path() / "apitoken-portal-XXXXXX.html";
    const int fd = mkstemps(path.data(), 5);  // mode 0600
    if (fd < 0) return;
    path_ = path;
    const auto text = fmt::format(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">"
        "<meta http-equiv=\"refresh\" content=\"0;url={}\"><title>apitoken</title>\n",
        address);
    const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    close(fd);
    if (!written) remove();
  }
  ~LeadingPage() { remove(); }
  LeadingPage(const LeadingPage&) = delete;
  LeadingPage& operator=(const LeadingPage&) = delete;

  const std::string& path() const { return path_; }  // empty: it could not be made

 private:
  void remove() {
    if (!path_.empty()) unlink(path_.c_str());
    path_.clear();
  }

  std::string path_;
};

// Starts the browser in a session of its own and does not wait: it may run in the foreground.
Status open_browser(const std::string& page) {
  if (page.empty()) return fail(ErrorKind::Unavailable, "no file can be made for it");
  const char* const chosen = std::getenv("BROWSER");
  std::string program = chosen != nullptr && *chosen != '\0' ? chosen : "xdg-open";
  std::string argument = "file://" + page;
  const std::array<char*, 3> arguments{program.data(), argument.data(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, program.c_str(), &files, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return {};
  return fail(ErrorKind::Unavailable, fmt::format("{}: {}", program, std::strerror(error)));
}

// Everything that one run of the portal is made of, in the order in which it begins.
class Portal {
 public:
  Portal(LocalDoor::Setup setup, std::unique_ptr<kube::Credentials> credentials,
         const std::string& assets, const std::string& version)
      : assets_(assets),
        door_(std::move(setup),
              std::make_shared<portal::Viewer>(std::move(credentials), kProgram, observer_, clock_),
              clock_),
        routes_({.door = door_,
                 .assets = assets_,
                 .workers = workers_,
                 .streams = streams_,
                 .clock = clock_,
                 .version = version}),
        server_({.limits = kLimits,
                 .threads = 1,
                 .loopback_only = true,
                 .headers = portal::security_headers(false)},
                std::ref(routes_)) {}
  ~Portal() {
    streams_.stop();
    workers_.stop();
    server_.stop();
  }

  Status start(std::uint16_t port) {
    auto socket = TRY(serve::ListeningSocket::open("--port", fmt::format("127.0.0.1:{}", port)));
    door_.set_port(socket.address().port);
    workers_.start();
    streams_.start();
    return server_.start(std::move(socket));
  }

  std::string address() const {
    return fmt::format("http://127.0.0.1:{}/#key={}", server_.bound_port(), door_.key());
  }
  std::uint16_t port() const { return server_.bound_port(); }
  // Nobody has a page open, and nobody had one for `idle`.
  bool is_idle(Seconds idle) const {
    return streams_.size() == 0 && clock_.steady() - door_.last_use() >= idle;
  }

 private:
  SystemClock clock_;
  NoUpstreamObserver observer_;
  portal::Assets assets_;
  LocalDoor door_;
  portal::Workers workers_{kWorkers};
  portal::Streams streams_{clock_};
  portal::Routes routes_;
  serve::HttpServer server_;
};

}  // namespace

Outcome<ExitCode> run_web(const Invocation& invocation, const std::string& version,
                          const Terminal& terminal) {
  const Options& options = invocation.options;
  auto credentials = TRY(find_credentials(options));
  const std::string server = credentials->server();
  LocalDoor::Setup setup{.key = make_portal_key(),
                         .cluster = cluster_name(options, *credentials),
                         .read_only = options.read_only,
                         .name_space = options.name_space.empty() ? credentials->default_namespace()
                                                                  : options.name_space};
  Portal portal(std::move(setup), std::move(credentials), options.portal_assets, version);
  if (const Status started = portal.start(options.port); !started)
    return give_up(ExitCode::Failed, started.error().message);
  terminal.out(fmt::format("{}\n", portal.address()));
  std::fflush(stdout);
  terminal.note(
      fmt::format("serving the portal for {} to this machine alone; anybody who has the address "
                  "may do there what "
                  "you may. Ctrl-C ends it.",
                  server));
  terminal.note(fmt::format("from another machine, forward the port: ssh -L {0}:127.0.0.1:{0} HOST",
                            portal.port()));
  std::optional<LeadingPage> page;
  if (options.open) {
    page.emplace(portal.address());
    if (const Status opened = open_browser(page->path()); !opened)
      terminal.note("the browser cannot be opened: " + opened.error().message);
  }
  while (terminal.pause(kLook)) {
    if (!portal.is_idle(options.idle)) continue;
    terminal.note(
        fmt::format("ended: nobody used the portal for {}", format_duration_short(options.idle)));
    return ExitCode::Ok;
  }
  return ExitCode::Ok;
}

}  // namespace apitoken::cli
