// Releases memory. Linux and glibc.
#include "base/memory.hpp"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace apitoken {
namespace {

// One mapping of /proc/self/smaps: a head line, then "Field: value" lines.
// Source: https://docs.kernel.org/filesystems/proc.html
struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool unchanged_file = false;  // mapped from a file, not writable, and no page is copied
};

void release(const Mapping& mapping) {
  if (mapping.unchanged_file)
    madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin, MADV_DONTNEED);
}

bool read_head(const std::string& line, Mapping& mapping) {
  std::istringstream words(line);
  std::string range, permissions, offset, device, inode, path;
  if (!(words >> range >> permissions >> offset >> device >> inode) || permissions.size() != 4)
    return false;
  const auto dash = range.find('-');
  if (dash == range.npos) return false;
  words >> path;
  mapping.begin = std::stoull(range.substr(0, dash), nullptr, 16);
  mapping.end = std::stoull(range.substr(dash + 1), nullptr, 16);
  mapping.unchanged_file = path.starts_with('/') && permissions[0] == 'r' && permissions[1] == '-';
  return true;
}

}  // namespace

// Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD. Either call ends the adjustment.
void limit_free_heap() {
  mallopt(M_MMAP_THRESHOLD, kLargeBlock);
  mallopt(M_TRIM_THRESHOLD, kLargeBlock);
}

void release_startup_memory() {
  malloc_trim(0);
  std::ifstream smaps("/proc/self/smaps");
  Mapping mapping;
  for (std::string line; std::getline(smaps, line);) {
    const auto colon = line.find(':');
    const bool is_field = colon != line.npos && line.find_first_of(" \t") > colon;
    if (!is_field) {
      release(mapping);
      mapping = {};
      read_head(line, mapping);
    } else if (line.starts_with("Private_Dirty:") || line.starts_with("Anonymous:")) {
      if (std::stoull(line.substr(colon + 1)) > 0) mapping.unchanged_file = false;
    }
  }
  release(mapping);
}

}  // namespace apitoken
