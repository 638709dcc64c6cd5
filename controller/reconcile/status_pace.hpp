// StatusPace: when the status of a TokenExpiryConfig may be written next. Counts change with every
// token, and a second operator with other namespaces counts differently: both would write without
// end. The config worker owns the only one and calls it on its thread; no I/O, time is an argument.
#pragma once

#include <map>
#include <string>

#include "api/token_expiry_config.hpp"
#include "base/backoff.hpp"
#include "base/clock.hpp"

namespace apitoken::reconcile {

class StatusPace {
 public:
  // A status in which nothing but counts and times of mails changed follows the last write by this.
  static constexpr std::chrono::milliseconds kBetweenCounts{3'000};
  // Each time that somebody else wrote over our status we wait longer before we write over theirs.
  static constexpr Backoff kDispute{std::chrono::seconds(2), std::chrono::minutes(5)};
  // So many times in a row are a second operator; fewer may be a person who tries something.
  static constexpr std::uint32_t kSecondOperator = 3;

  struct Verdict {
    SteadyDuration wait{};               // zero: write now
    bool found_second_operator = false;  // to be logged; true once a dispute
  };
  // Before `wanted` is written over the status of `present`.
  Verdict before_write(const api::TokenExpiryConfig& present,
                       const api::TokenExpiryConfigStatus& wanted, SteadyTime now);
  // `status` as the API server answered the write.
  void written(const std::string& config, const api::TokenExpiryConfigStatus& status,
               SteadyTime now);
  // A second operator was found, and its dispute with us is not over.
  bool is_disputed(const std::string& config) const {
    const auto found = entries_.find(config);
    return found != entries_.end() && found->second.reported;
  }
  void remove(const std::string& config) { entries_.erase(config); }

 private:
  struct Entry {
    api::TokenExpiryConfigStatus status;  // our last one
    SteadyTime at{};
    std::uint32_t disputes = 0;  // in a row
    bool reported = false;
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace apitoken::reconcile
