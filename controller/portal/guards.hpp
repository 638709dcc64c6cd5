// What is asked of every request before it is served: that it came for this host, and, where it
// changes or reads something personal, from a page of this portal. Routes asks, on the serving
// threads. Pure. Threats: docs/portal.md.
#pragma once

#include <optional>

#include "portal/door.hpp"

namespace apitoken::portal {

inline constexpr const char* kPortalHeader = "X-Apitoken-Portal";

// 421 where the Host header names something else: a name of another site that leads here (DNS
// rebinding).
std::optional<Problem> refuse_host(const serve::HttpRequest& request, const Door& door);
// Requests below /api: 403 from another site, 415 for a body that a plain form could send.
std::optional<Problem> refuse_foreign(const serve::HttpRequest& request, const Door& door);

// The headers of every answer, those that serve/ makes itself included. `https`: the portal is
// reached by https only.
std::vector<std::pair<const char*, std::string>> security_headers(bool https);

}  // namespace apitoken::portal
