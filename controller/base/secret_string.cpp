// Wipes and compares secret bytes.
#include "base/secret_string.hpp"

#include <cstring>

namespace apitoken {

void wipe(void* bytes, std::size_t size) {
  std::memset(bytes, 0, size);
  // Makes the compiler believe that the zeros are read, so that it keeps the memset.
  asm volatile("" : : "r"(bytes) : "memory");
}

void wipe(std::string& text) {
  text.resize(text.capacity());
  wipe(text.data(), text.size());
  text.clear();
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(
        difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  }
  return difference == 0;
}

}  // namespace apitoken
