// What every fuzz target sees. A target is one file that defines fuzz(): it decodes bytes that
// others wrote and states with require() what must hold of the answer. Built with clang it is a
// libFuzzer program (hack/fuzz.sh); built with gcc it replays its corpus, the file's own and
// distorted, under ctest (replay_main.cpp).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace apitoken::fuzz {

// Must return for any input; a crash, a hang or an exception is a finding. One thread calls it.
void fuzz(std::string_view input);

// Cuts what is before the next zero byte off `rest`: inputs of several parts.
inline std::string_view take_part(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return part;
}

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", what);
  std::abort();
}

}  // namespace apitoken::fuzz
