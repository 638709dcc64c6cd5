// Parses the header Date. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace apitoken::kube {

// Parses an IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"), the only form that RFC 9110 allows
// servers to send. Empty for any other text.
std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace apitoken::kube
