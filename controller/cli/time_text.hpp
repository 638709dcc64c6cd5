// Spans of time as people write and read them on a terminal. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace apitoken::cli {

// Parses "30d", "1d12h" and Go durations ("720h", "90m"). Empty for any other text.
std::optional<Seconds> parse_span(std::string_view text);

// As kubectl shows ages: "45s", "12m", "5h30m", "29d", "2y10d". "0s" for a negative span.
std::string short_span(Seconds span);

}  // namespace apitoken::cli
