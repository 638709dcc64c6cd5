// Comparing resourceVersions of objects of one resource: decimal numbers without leading zeros, of
// any length. Pure; any thread.
#pragma once

#include <algorithm>
#include <string_view>

namespace apitoken::kube {

// Whether `a` is older than `b`. An empty one is older than any other. Versions that are no numbers
// (an aggregated API server may have such) have no order: then any other one counts as newer,
// because it came later.
inline bool version_older(std::string_view a, std::string_view b) {
  const auto number = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!number(a) || !number(b)) return a != b;
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace apitoken::kube
