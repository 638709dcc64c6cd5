// AnswerSizes: how large the answers to a large request were, so that the next one is read into a
// buffer of that size. A buffer that grows holds an answer up to three times, and each time its
// bytes are copied and wiped. CpprestTransport owns one for the pages of its lists. Any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.hpp"

namespace apitoken::kube {

class AnswerSizes {
 public:
  static constexpr std::size_t kWorthIt = 64 * 1024;  // smaller answers are not remembered
  static constexpr std::size_t kMaxKnown = 64;        // targets

  // Bytes to reserve for the answer; 0 if nothing is known. The pages of a list have one size.
  std::size_t expected(std::string_view target) const;
  void came(std::string_view target, std::size_t size);

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::size_t, std::less<>> known_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::kube
