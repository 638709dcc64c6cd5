// block_sigpipe: lets the calling thread see a broken connection as an error code. libcurl with
// CURLOPT_NOSIGNAL leaves SIGPIPE to its caller. Each thread that uses libcurl calls it.
#pragma once

#include <signal.h>

namespace apitoken {

inline void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace apitoken
