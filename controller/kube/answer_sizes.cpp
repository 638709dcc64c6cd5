// Remembers the largest answer of late.
#include "kube/answer_sizes.hpp"

#include <algorithm>

namespace apitoken::kube {
namespace {

std::string_view without_page(std::string_view target) {
  return target.substr(0, target.find("&continue="));
}

}  // namespace

std::size_t AnswerSizes::expected(std::string_view target) const {
  const MutexLock lock(mutex_);
  const auto known = known_.find(without_page(target));
  return known == known_.end() ? 0 : known->second + known->second / 8;
}

void AnswerSizes::came(std::string_view target, std::size_t size) {
  const auto key = without_page(target);
  const MutexLock lock(mutex_);
  auto known = known_.find(key);
  if (known == known_.end()) {
    if (size < kWorthIt) return;
    if (known_.size() >= kMaxKnown) known_.clear();
    known = known_.emplace(key, 0).first;
  }
  // The last page of a list is smaller than the others.
  known->second = std::max(size, known->second - known->second / 8);
  if (known->second < kWorthIt) known_.erase(known);
}

}  // namespace apitoken::kube
