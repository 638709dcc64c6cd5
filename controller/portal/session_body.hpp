// The body of GET and POST /api/session: who the viewer is, how long the session lasts and what
// this portal offers. Workers' threads.
#pragma once

#include "portal/door.hpp"

namespace apitoken::portal {

// `version`: of the portal. Errors: those of Viewer::identity().
Expected<nlohmann::json> session_body(const Door& door, Viewer& viewer, const std::string& version,
                                      const Clock& clock, std::stop_token stop);

}  // namespace apitoken::portal
