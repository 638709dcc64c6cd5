// apitoken-operator: reads the flags, finds the cluster, runs the App.
#include <fmt/format.h>
#include <malloc.h>
#include <openssl/crypto.h>

#include <cstdio>
#include <span>

#include "app.hpp"
#include "base/core_dumps.hpp"
#include "base/log.hpp"
#include "config.hpp"
#include "kube/cpprest_transport.hpp"
#include "kube/find_credentials.hpp"
#include "program/process.hpp"

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
