// App: builds every part of the operator, runs them until a signal, and stops them in reverse
// order. main() owns the only one and calls run() on its thread; SIGINT and SIGTERM are blocked in
// all threads.
#pragma once

#include <memory>

#include "config.hpp"
#include "kube/credentials.hpp"

namespace apitoken {

class App {
 public:
  App(const Config& config, std::unique_ptr<kube::Credentials> credentials);
  ~App();

  // The exit code: 0 after a clean stop; 1 if an address cannot be listened on, or leadership was
  // lost.
  int run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace apitoken
