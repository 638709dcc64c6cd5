// Forbids core dumps and tracing.
#include "base/core_dumps.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace apitoken {

// Neither call can fail: a process may always lower its limit, and PR_SET_DUMPABLE accepts 0.
void forbid_core_dumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace apitoken
