#include "serve/metrics_page.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>

namespace apitoken::serve {

HttpRoutes metrics_routes(std::vector<const prometheus::Collectable*> sources) {
  return {{"/metrics", [sources = std::move(sources)] {
             std::ostringstream page;
             for (const auto* source : sources) prometheus::TextSerializer().Serialize(page, source->Collect());
             return HttpAnswer{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                               .body = std::move(page).str()};
           }}};
}

}  // namespace apitoken::serve
