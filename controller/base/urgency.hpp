// Urgency: the workqueue takes the most urgent key first. Plans and event handlers set it. Values.
#pragma once

namespace apitoken {

enum class Urgency {
  Value,     // decides whether a value is valid: revoke, expire, mint, replace a lost value
  Notice,    // a notice to people is due
  Cosmetic,  // everything else, such as a count in a status
};

// The more urgent of two.
constexpr Urgency more_urgent(Urgency a, Urgency b) { return a < b ? a : b; }

}  // namespace apitoken
