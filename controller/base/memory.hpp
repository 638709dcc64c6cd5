// Memory that only starting up needed, given back.
#pragma once

namespace apitoken {

// Gives free heap back, and the pages of programs and libraries that nobody changed: code and
// tables that are needed again are read again from the page cache. Any thread, at any time; does
// nothing where /proc is not mounted.
void release_startup_memory();

}  // namespace apitoken
