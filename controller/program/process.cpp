// Signals, limits and the heap of the process.
#include "program/process.hpp"

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/core_dumps.hpp"
#include "base/log.hpp"
#include "kube/cpprest_transport.hpp"

namespace apitoken {
namespace {

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void prepare_process() {
  forbid_core_dumps();
  // Few arenas: a dozen threads that allocate little would otherwise keep a heap each.
  mallopt(M_ARENA_MAX, 2);
  kube::prepare_cpprest();
}

void block_signals() {
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void wait_for_signal() {
  const sigset_t signals = ending_signals();
  int signal = 0;
  sigwait(&signals, &signal);
  log::info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace apitoken
