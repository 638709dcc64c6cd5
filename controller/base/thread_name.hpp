// Naming the calling thread, as `top -H` and debuggers show it. First thing in each thread.
#pragma once

#include <pthread.h>

#include <string>

namespace apitoken {

// At most 15 characters count (Linux cuts there).
inline void name_thread(const char* name) {
  pthread_setname_np(pthread_self(), std::string(name).substr(0, 15).c_str());
}

}  // namespace apitoken
