// Parses the bodies of requests.
#include "portal/call.hpp"

namespace apitoken::portal {

Expected<nlohmann::json> Call::form() const {
  auto form = nlohmann::json::parse(body.empty() ? "{}" : body, nullptr, false);
  if (!form.is_object()) return refuse(bad_request("", "The body must be a JSON object."));
  return form;
}

}  // namespace apitoken::portal
