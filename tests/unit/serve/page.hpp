// The text that collectors show at /metrics.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "serve/metrics_page.hpp"

namespace apitoken::test {

inline std::string page_of(std::vector<const prometheus::Collectable*> sources) {
  auto reply =
      serve::metrics_routes(std::move(sources)).serve({.method = "GET", .path = "/metrics"});
  std::string page;
  for (const auto& part : std::get<serve::HttpAnswer>(reply).more) page += part;
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
