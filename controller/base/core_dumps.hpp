// Protects the secrets in this process's memory. All programs call this first in main(). Linux.
#pragma once

namespace apitoken {

// Disables core files (RLIMIT_CORE, also for child processes), core collectors, and tracing or
// reading of the memory by other processes of the same user (PR_SET_DUMPABLE). Root still can.
void forbid_core_dumps();

}  // namespace apitoken
