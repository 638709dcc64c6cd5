// Who wrote what of an object, out of its managedFields. Pure; any thread.
// Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
#pragma once

#include <nlohmann/json.hpp>

namespace apitoken::portal {

// Takes metadata.managedFields out of `object` and says the same in short:
// [{manager, subresource, at, fields: ["spec.ttl", …]}], as they were written.
nlohmann::json take_writers(nlohmann::json& object);

}  // namespace apitoken::portal
