// RFC 3339 times as Kubernetes writes them: UTC, whole seconds ("2026-11-24T08:00:00Z"). Pure; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace apitoken {

std::string format_rfc3339(WallTime time);
// With microseconds ("2026-11-24T08:00:00.000000Z"), as metav1.MicroTime in Leases and Events wants
// it.
std::string format_rfc3339_micro(std::chrono::system_clock::time_point time);
// Accepts any RFC 3339 time between the years 0001 and 9999: offsets are applied, fractions are
// cut. Nothing for anything else.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace apitoken
