// libFuzzer's entry: one input after the other, for as long as hack/fuzz.sh says.

#include <cstddef>
#include <cstdint>

#include "base/log.hpp"
#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  apitoken::log::exchange_sink(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  apitoken::fuzz::fuzz({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
