// Urgency: in which order work on objects is done, most urgent first. Plans and event handlers name
// it, the workqueue orders its keys by it. Values only.
#pragma once

namespace apitoken {

enum class Urgency {
  Value,     // what decides whether a value is valid: revoke, expire, mint, heal
  Notice,    // what people are told
  Cosmetic,  // everything else, such as a count in a status
};

// The more urgent of two.
constexpr Urgency more_urgent(Urgency a, Urgency b) { return a < b ? a : b; }

}  // namespace apitoken
