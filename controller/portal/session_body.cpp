// Writes the body of /api/session.
#include "portal/session_body.hpp"

#include "base/rfc3339.hpp"
#include "portal/streams.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;

json time_or_null(const std::optional<WallTime>& time) {
  return time ? json(format_rfc3339(*time)) : json();
}

}  // namespace

Expected<json> session_body(const Door& door, Viewer& viewer, const std::string& version,
                            const Clock& clock, std::stop_token stop) {
  const auto identity = TRY(viewer.identity(std::move(stop)));
  json body = door.about();
  body["user"] = identity.user;
  body["groups"] = identity.groups;
  body["endsAt"] = time_or_null(viewer.ends_at());
  body["warnAt"] = time_or_null(viewer.warn_at());
  body["defaultNamespace"] = viewer.credentials().default_namespace();
  body["version"] = version;
  body["serverTime"] = server_time(clock);
  return body;
}

}  // namespace apitoken::portal
