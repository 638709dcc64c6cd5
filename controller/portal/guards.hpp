// Guards: checks each request before it is served: its Host is this portal, and a request that
// changes or reads personal data comes from a page of this portal. Routes calls them on the serving
// threads. Pure. Threats: docs/portal.md.
#pragma once

#include <optional>

#include "portal/door.hpp"

namespace apitoken::portal {

inline constexpr const char* kPortalHeader = "X-Apitoken-Portal";

// 421 if the Host header does not name this portal: another site's name may lead here (DNS
// rebinding).
std::optional<Problem> refuse_host(const serve::HttpRequest& request, const Door& door);
// Requests below /api: 403 from another site, 415 for a body that a plain form could send.
std::optional<Problem> refuse_foreign(const serve::HttpRequest& request, const Door& door);

// The headers of every answer, also of those that serve/ makes. `https`: the portal is reached by
// https only.
std::vector<std::pair<const char*, std::string>> security_headers(bool https);

}  // namespace apitoken::portal
