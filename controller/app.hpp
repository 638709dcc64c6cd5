// App: builds every part in one place, runs until a signal, and stops in reverse order. main owns
// the only one and calls run() on its own thread, with SIGINT and SIGTERM blocked in all threads.
#pragma once

#include <memory>

#include "config.hpp"
#include "kube/credentials.hpp"

namespace apitoken {

class App {
 public:
  App(const Config& config, std::unique_ptr<kube::Credentials> credentials);
  ~App();

  // The exit code: 0 after a clean stop; 1 when an address cannot be listened on, or leadership was
  // lost.
  int run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace apitoken
