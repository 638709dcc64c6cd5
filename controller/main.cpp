// apitoken-operator: reads the flags, finds the cluster, runs the App.
#include <fmt/format.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <span>

#include "app.hpp"
#include "base/core_dumps.hpp"
#include "base/log.hpp"
#include "config.hpp"
#include "kube/cpprest_transport.hpp"
#include "kube/find_credentials.hpp"

namespace {

constexpr int kUsageError = 2;

// Every thread inherits the mask, so that only App::run() receives the signals.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// The connections that the ports' limits allow need more descriptors than the usual soft limit.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace apitoken;
  forbid_core_dumps();
  // Few arenas: a dozen threads that allocate little would otherwise keep a heap each.
  mallopt(M_ARENA_MAX, 2);
  kube::prepare_cpprest();
  const auto config =
      parse_flags(std::span(argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)));
  if (!config) {
    fmt::print(stderr, "apitoken-operator: {}\nTry 'apitoken-operator --help'.\n", config.error());
    return kUsageError;
  }
  if (config->help) {
    fmt::print("{}", help_text());
    return 0;
  }
  if (config->version) {
    fmt::print("apitoken-operator {}\n", APITOKEN_VERSION);
    return 0;
  }
  log::set_up(config->log_level, config->log_format);
  block_signals();
  raise_descriptor_limit();
  auto credentials = kube::find_credentials(config->kubeconfig.value_or(""));
  if (!credentials) {
    log::error(credentials.error().message);
    return 1;
  }
  return App(*config, std::move(*credentials)).run();
}
