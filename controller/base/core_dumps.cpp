// Forbids core dumps and tracing.
#include "base/core_dumps.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace apitoken {

// Neither call can fail: a limit may always be lowered, and 0 is one of the two values that
// PR_SET_DUMPABLE takes.
void forbid_core_dumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace apitoken
