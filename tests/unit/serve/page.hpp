// What collectors would show at /metrics, as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "serve/metrics_page.hpp"

namespace apitoken::test {

inline std::string page_of(std::vector<const prometheus::Collectable*> sources) {
  std::string page;
  for (const auto& part : serve::metrics_routes(std::move(sources)).at("/metrics")().more) page += part;
  return page;
}

// How many lines of `page` begin with `start`.
inline int lines_with(const std::string& page, const std::string& start) {
  int count = 0;
  for (std::size_t at = 0; at < page.size(); at = page.find('\n', at) + 1)
    count += page.compare(at, start.size(), start) == 0;
  return count;
}

}  // namespace apitoken::test
