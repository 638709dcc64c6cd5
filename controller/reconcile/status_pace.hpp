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
  // The pause between two writes that change nothing but counts and times of mails.
  static constexpr std::chrono::milliseconds kBetweenCounts{3'000};
  // The pause before we write over a status of another writer; longer each time they do the same.
  static constexpr Backoff kDispute{std::chrono::seconds(2), std::chrono::minutes(5)};
  // After so many times in a row the other writer is a second operator; before, perhaps a person.
  static constexpr std::uint32_t kSecondOperator = 3;

  struct Verdict {
    SteadyDuration wait{};               // zero: write now
    bool found_second_operator = false;  // to be logged; true once a dispute
  };
  // Call it before `wanted` is written over the status of `present`.
  Verdict before_write(const api::TokenExpiryConfig& present,
                       const api::TokenExpiryConfigStatus& wanted, SteadyTime now);
  // Call it after a write; `status` is the one in the API server's answer.
  void written(const std::string& config, const api::TokenExpiryConfigStatus& status,
               SteadyTime now);
  // A second operator was found, and the dispute with it goes on.
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
