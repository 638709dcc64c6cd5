// The metrics about tokens, read from the store at each scrape, so that no series is stale and
// series of deleted tokens vanish at once. Called on the metrics server's thread; nothing is kept
// between scrapes.
#pragma once

#include <prometheus/collectable.h>

#include <functional>
#include <vector>

#include "api/api_token.hpp"
#include "base/clock.hpp"
#include "serve/metrics_page.hpp"

namespace apitoken::serve {

// Calls its argument for every ApiToken in the store.
using ForEachToken = std::function<void(const std::function<void(const api::ApiToken&)>&)>;

// One family, one series a token: apitoken_expiration_timestamp_seconds,
// apitoken_warning_timestamp_seconds, apitoken_rotation_started_timestamp_seconds, apitoken_info.
enum class TokenFamily { Expiration, Warning, Rotation, About };

class TokenCollector final : public PartwiseSource {
 public:
  TokenCollector(TokenFamily family, ForEachToken for_each)
      : family_(family), for_each_(std::move(for_each)) {}
  void collect_parts(const Tell& tell) const override;

 private:
  const TokenFamily family_;
  const ForEachToken for_each_;
};

// Families whose size does not depend on the number of tokens: apitokens{type,reason},
// apitokens_expiring{within}, apitokens_rotation_unfinished.
class FleetCollector final : public prometheus::Collectable {
 public:
  FleetCollector(const Clock& clock, ForEachToken for_each)
      : clock_(clock), for_each_(std::move(for_each)) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Clock& clock_;
  const ForEachToken for_each_;
};

}  // namespace apitoken::serve
