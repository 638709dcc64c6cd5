// TokenCounter: how many tokens each TokenExpiryConfig applies to, and how many of them expire
// soon. It goes through all tokens once for all configs, when something has changed since the last
// count, at most every kPace and for at most a twentieth of the time; meanwhile it answers the last
// counts. The config worker owns the only one and calls it on its thread. No requests.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/plan_expiry_config.hpp"
#include "reconcile/config_table.hpp"

namespace apitoken::reconcile {

class TokenCounter {
 public:
  static constexpr std::chrono::milliseconds kPace{3'000};
  static constexpr int kShare = 20;  // a count that took t is made again after 20 t at the earliest

  struct Counts {
    std::int64_t matched = 0;
    std::int64_t expiring = 0;  // valid, and warnings about the expiry have begun
    core::ObservedSkipped skipped;
  };
  struct Answer {
    Counts counts;
    // One of these at most. When the counts change if no object does:
    std::optional<WallTime> next_change;
    // The counts are out of date: ask again after this.
    std::optional<SteadyDuration> again;
  };

  // Both outlive the counter.
  TokenCounter(const Stores& stores, const Clock& clock) : stores_(stores), clock_(clock) {}

  // For a config of `configs`.
  Answer count(const std::shared_ptr<const ConfigList>& configs, const core::ExpiryConfig& config);

 private:
  struct Counted {
    Counts counts;
    std::optional<WallTime> next_change;
  };

  void count_all(const std::shared_ptr<const ConfigList>& configs);
  std::uint64_t changes() const { return stores_.tokens.changes() + stores_.namespaces.changes(); }

  const Stores& stores_;
  const Clock& clock_;
  std::map<std::string, Counted> counted_;  // by config, as of the last count
  std::shared_ptr<const ConfigList> configs_;
  std::uint64_t changes_ = 0;
  SteadyTime next_{};  // the earliest time of the next count
};

}  // namespace apitoken::reconcile
