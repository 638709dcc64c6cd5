// What each of our servers asks of the operating system before its first thread. main() alone calls
// it.
#pragma once

namespace apitoken {

// The exit code for flags that cannot be used.
inline constexpr int kUsageError = 2;

// Call it first. Forbids core dumps, which would show tokens; limits the heap; sets up cpprest.
void prepare_process();
// Blocks SIGINT and SIGTERM in all threads, so that only wait_for_signal() receives them.
void block_signals();
// Waits for SIGINT or SIGTERM, and logs which one came.
void wait_for_signal();
// The ports' limits allow more connections than the usual soft limit has descriptors.
void raise_descriptor_limit();

}  // namespace apitoken
