// Returns memory that only start-up needed to the kernel.
#pragma once

namespace apitoken {

// Releases free heap, and unchanged pages of the program and its libraries; the kernel reads pages
// that are needed again from the page cache. Any thread, at any time. Without /proc it releases
// the heap alone.
void release_startup_memory();

}  // namespace apitoken
