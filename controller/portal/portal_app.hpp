// PortalApp: builds every part of apitoken-portal in one place, runs until a signal, and stops in
// reverse order. main() owns the only one and calls run() on its own thread, with SIGINT and
// SIGTERM blocked in all threads.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "portal/config.hpp"

namespace apitoken::portal {

class PortalApp {
 public:
  PortalApp(const Config& config, std::string version);
  ~PortalApp();

  // The exit code: 0 after a clean stop; 1 if a file cannot be read or an address cannot be
  // listened on.
  int run();

 private:
  struct Parts;
  // Errors: a file that cannot be read, no address of an API server.
  Status build();

  std::unique_ptr<Parts> parts_;
  const Config config_;
  const std::string version_;
};

}  // namespace apitoken::portal
