// The metrics about tokens, read from the store at each scrape, so that no series is stale and
// series of deleted tokens vanish at once. Called on the metrics server's threads.
#pragma once

#include <prometheus/collectable.h>

#include <functional>
#include <memory>
#include <vector>

#include "api/api_token.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "serve/metrics_page.hpp"

namespace apitoken::serve {

using VisitToken = std::function<void(const api::ApiToken&)>;
// Calls `visit` for the first `most` ApiTokens after `key`, by namespace and name. Returns their
// number. Only what Store::skim_after() gives of a token is read.
using VisitTokensAfter = std::function<std::size_t(const api::ObjectKey& key, std::size_t most,
                                                   const VisitToken& visit)>;

constexpr std::size_t kPartSize = 256;  // tokens that are visited in one call

// One family, one series a token: apitoken_expiration_timestamp_seconds,
// apitoken_warning_timestamp_seconds, apitoken_rotation_started_timestamp_seconds, apitoken_info.
enum class TokenFamily { Expiration, Warning, Rotation, About };

// A token that is created or deleted while the page is sent may be in one family and not in
// another.
class TokenCollector final : public PartwiseSource {
 public:
  // `is_empty`: whether no token has a series, if that is known without a visit to all of them.
  TokenCollector(
      TokenFamily family, VisitTokensAfter visit_after,
      std::function<bool()> is_empty = [] { return false; })
      : family_(family), visit_after_(std::move(visit_after)), is_empty_(std::move(is_empty)) {}
  std::unique_ptr<Parts> begin() const override;

 private:
  const TokenFamily family_;
  const VisitTokensAfter visit_after_;
  const std::function<bool()> is_empty_;
};

// Families whose size does not depend on the number of tokens: apitokens{type,reason},
// apitokens_expiring{within}, apitokens_rotation_unfinished. The counts of a scrape serve the next
// one too, unless a token has changed or the time has changed a count.
class FleetCollector final : public prometheus::Collectable {
 public:
  // `changes`: a number that differs after each change of the tokens, see Store::changes().
  FleetCollector(const Clock& clock, VisitTokensAfter visit_after,
                 std::function<std::uint64_t()> changes);
  ~FleetCollector() override;
  std::vector<prometheus::MetricFamily> Collect() const override;
  // Whether a token has a series in TokenFamily::Rotation.
  bool has_unfinished_rotations() const;

 private:
  struct Fleet;
  Fleet count() const;

  const Clock& clock_;
  const VisitTokensAfter visit_after_;
  const std::function<std::uint64_t()> changes_;
  mutable Mutex mutex_;
  mutable std::unique_ptr<const Fleet> last_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::serve
