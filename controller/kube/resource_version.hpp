// Compares resourceVersions of objects of one resource. They are decimal numbers of any length
// without leading zeros. Pure; any thread.
#pragma once

#include <algorithm>
#include <string_view>

namespace apitoken::kube {

// Whether `a` is older than `b`. An empty version is older than any other. Versions that are not
// numbers (an aggregated API server may have them) have no order: then `b` counts as newer if it
// differs, because it came later.
inline bool version_older(std::string_view a, std::string_view b) {
  const auto number = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!number(a) || !number(b)) return a != b;
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace apitoken::kube
