// Returns memory that is not needed any more to the kernel.
#pragma once

namespace apitoken {

// Has the heap return free memory soon, for the whole process: blocks of kLargeBlock and more at
// once, and the end of each thread's heap. glibc by itself raises its limits to the size of the
// largest blocks, so that after a page of a list each thread's heap may keep 4 MiB; malloc_trim()
// does not reach that part. Call it once, at the start. Code pages of files are left to the kernel:
// giving them back lowers the resident size, and raises what a cgroup counts as in use.
void limit_free_heap();
inline constexpr int kLargeBlock = 128 * 1024;

}  // namespace apitoken
