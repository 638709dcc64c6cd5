// Writes the small families at once, the large ones piece by piece.
#include "serve/metrics_page.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <utility>

namespace apitoken::serve {
namespace {

// The large families of one page, one after the other.
class LargeFamilies {
 public:
  explicit LargeFamilies(const std::vector<const PartwiseSource*>& sources) : sources_(sources) {}

  // The next piece; empty at the end.
  std::string next() {
    std::string text;
    while (text.empty() && (parts_ || at_ < sources_.size())) {
      if (!parts_) parts_ = sources_[at_++]->begin();
      if (parts_ && !parts_->write_part(text)) parts_.reset();
    }
    return text;
  }

 private:
  const std::vector<const PartwiseSource*>& sources_;
  std::size_t at_ = 0;
  std::unique_ptr<PartwiseSource::Parts> parts_;
};

}  // namespace

Routes metrics_routes(MetricSources sources, CallerAuthorization* permission) {
  const auto kept = std::make_shared<const MetricSources>(std::move(sources));
  const auto page = [kept](const HttpRequest&) {
    HttpAnswer answer{.content_type = "text/plain; version=0.0.4; charset=utf-8"};
    for (const auto* source : kept->small)
      answer.body += prometheus::TextSerializer().Serialize(source->Collect());
    if (kept->large.empty()) return answer;
    answer.rest = [kept, families = std::make_shared<LargeFamilies>(kept->large)] {
      return families->next();
    };
    return answer;
  };
  return Routes({{"GET", "/metrics", page, permission}});
}

}  // namespace apitoken::serve
