// Durations in Go's notation, as users write them ("720h", "90m", "1h30m") and as Go prints them
// ("8760h0m0s"). Whole seconds. Pure; any thread. See Go's time.ParseDuration, Duration.String.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace apitoken {

// Parses "0", or numbers with the units h, m and s in any order. Empty for any other text and for
// more than 100 years.
std::optional<Seconds> parse_duration(std::string_view text);
// As Go prints it: "8760h0m0s".
std::string format_duration(Seconds duration);
// Without units that are zero: "720h", "1h30m", "0s".
std::string format_duration_short(Seconds duration);
// For people, in at most two units: "30 days", "1 day 12 hours", "8 hours", "90 seconds".
std::string describe_duration(Seconds duration);

}  // namespace apitoken
