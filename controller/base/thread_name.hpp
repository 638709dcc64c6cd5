// Names the calling thread for `top -H` and debuggers. Each thread calls this first.
#pragma once

#include <pthread.h>

#include <string>

namespace apitoken {

// Linux allows 15 characters; the rest is cut.
inline void name_thread(const char* name) {
  pthread_setname_np(pthread_self(), std::string(name).substr(0, 15).c_str());
}

}  // namespace apitoken
