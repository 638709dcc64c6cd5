// The body of GET and POST /api/session: who the viewer is, how long the session lasts and what
// this portal offers. Workers' threads.
#pragma once

#include "portal/door.hpp"

namespace apitoken::portal {

// The gitVersion of the viewer's API server; empty if it does not say.
std::string kubernetes_version(Viewer& viewer, std::stop_token stop);

// `version`: of the portal. Errors: those of Viewer::identity().
Expected<nlohmann::json> session_body(const Door& door, Viewer& viewer, const std::string& version,
                                      const Clock& clock, std::stop_token stop);

}  // namespace apitoken::portal
