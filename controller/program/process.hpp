// What each of our servers asks of the operating system before its first thread. main() alone calls
// it.
#pragma once

namespace apitoken {

// The exit code for flags that cannot be used.
inline constexpr int kUsageError = 2;

// Before anything else: no core dumps, which would have tokens in them; a small heap; cpprest.
void prepare_process();
// SIGINT and SIGTERM are blocked in all threads, so that the one that waits for them takes them.
void block_signals();
// Waits for SIGINT or SIGTERM, and logs which one came.
void wait_for_signal();
// As many connections as the ports' limits allow need more descriptors than the usual soft limit.
void raise_descriptor_limit();

}  // namespace apitoken
