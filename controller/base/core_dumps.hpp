// What a process with secrets in its memory asks of the kernel. Both programs call it first in
// main(). Linux.
#pragma once

namespace apitoken {

// No core file is written when the process dies (RLIMIT_CORE, also for programs that it starts),
// none is piped to a collector, and other processes of the same user can neither trace it nor read
// its memory (PR_SET_DUMPABLE). Root still can.
void forbid_core_dumps();

}  // namespace apitoken
