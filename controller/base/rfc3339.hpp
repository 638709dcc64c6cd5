// RFC 3339 times as Kubernetes writes them: UTC, whole seconds. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace apitoken {

// "2026-11-24T08:00:00Z"
std::string format_rfc3339(WallTime time);
// "2026-11-24T08:00:00.000000Z": metav1.MicroTime, for Leases and Events.
std::string format_rfc3339_micro(std::chrono::system_clock::time_point time);
// Parses an RFC 3339 time of the years 0001 to 9999: applies the offset, cuts the fraction. Empty
// for any other text.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace apitoken
