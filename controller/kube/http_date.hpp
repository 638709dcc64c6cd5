// The header Date. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace apitoken::kube {

// IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"), the one form that RFC 9110 lets servers send;
// nothing for any other.
std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace apitoken::kube
