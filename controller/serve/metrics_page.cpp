#include "serve/metrics_page.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace apitoken::serve {
namespace {

// Drops "# HELP …" and "# TYPE …" from all parts but the first.
std::string_view without_comments(std::string_view text) {
  while (text.starts_with('#')) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text;
}

void write(std::vector<std::string>& page, const prometheus::Collectable& source) {
  const auto* large = dynamic_cast<const PartwiseSource*>(&source);
  if (large == nullptr) {
    page.push_back(prometheus::TextSerializer().Serialize(source.Collect()));
    return;
  }
  bool first = true;
  large->collect_parts([&](const std::vector<prometheus::MetricFamily>& part) {
    const std::string text = prometheus::TextSerializer().Serialize(part);
    page.emplace_back(std::exchange(first, false) ? std::string_view(text)
                                                  : without_comments(text));
  });
}

}  // namespace

std::vector<prometheus::MetricFamily> PartwiseSource::Collect() const {
  std::vector<prometheus::MetricFamily> families;
  collect_parts([&](const std::vector<prometheus::MetricFamily>& part) {
    if (families.empty()) {
      families = part;
    } else {
      std::ranges::copy(part.front().metric, std::back_inserter(families.front().metric));
    }
  });
  return families;
}

Routes metrics_routes(std::vector<const prometheus::Collectable*> sources,
                      CallerAuthorization* permission) {
  const auto page = [sources = std::move(sources)](const HttpRequest&) {
    HttpAnswer answer{.content_type = "text/plain; version=0.0.4; charset=utf-8"};
    for (const auto* source : sources) write(answer.more, *source);
    return answer;
  };
  return Routes({{"GET", "/metrics", page, permission}});
}

}  // namespace apitoken::serve
