// Durations in Go's notation, as users write them ("720h", "90m", "1h30m") and as Go prints them
// ("8760h0m0s"). Whole seconds. Pure; any thread. Source of the notation: Go's time.ParseDuration
// and Duration.String.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace apitoken {

// Non-negative whole durations of the units h, m and s, in that order or any other, each at least
// once in all. Nothing for anything else, among them a result beyond 100 years.
std::optional<Seconds> parse_duration(std::string_view text);
std::string format_duration(Seconds duration);
// The same without what is zero: "720h", "1h30m", "0s".
std::string format_duration_short(Seconds duration);
// For people: "30 days", "1 day 12 hours", "8 hours", "90 seconds"; at most two units, the rest
// cut.
std::string describe_duration(Seconds duration);

}  // namespace apitoken
