// apitoken-portal: reads the flags, runs the PortalApp.
#include <fmt/format.h>
#include <malloc.h>

#include <cstdio>
#include <span>

#include "base/core_dumps.hpp"
#include "base/log.hpp"
#include "kube/cpprest_transport.hpp"
#include "portal/config.hpp"
#include "portal/portal_app.hpp"
#include "program/process.hpp"

int main(int argc, char** argv) {
  using namespace apitoken;
  forbid_core_dumps();
  // Few arenas: a dozen threads that allocate little would otherwise keep a heap each.
  mallopt(M_ARENA_MAX, 2);
  kube::prepare_cpprest();
  const auto config =
      portal::parse_flags(std::span(argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)));
  if (!config) {
    fmt::print(stderr, "apitoken-portal: {}\nTry 'apitoken-portal --help'.\n", config.error());
    return kUsageError;
  }
  if (config->help) {
    fmt::print("{}", portal::help_text());
    return 0;
  }
  if (config->version) {
    fmt::print("apitoken-portal {}\n", APITOKEN_VERSION);
    return 0;
  }
  log::set_up(config->log_level, config->log_format);
  block_signals();
  raise_descriptor_limit();
  return portal::PortalApp(*config, APITOKEN_VERSION).run();
}
