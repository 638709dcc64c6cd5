// The text that collectors show at /metrics.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "serve/metrics_page.hpp"

namespace apitoken::test {

inline std::string page_of(serve::MetricSources sources) {
  const auto routes = serve::metrics_routes(std::move(sources));
  const auto reply = routes.serve({.method = "GET", .path = "/metrics"});
  const auto& answer = std::get<serve::HttpAnswer>(reply);
  std::string page = answer.body;
  while (answer.rest) {
    const auto piece = answer.rest();
    if (piece.empty()) break;
    page += piece;
  }
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
