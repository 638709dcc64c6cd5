// Writers: who wrote which fields of an object, from its managedFields. Pure; any thread. Source:
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
#pragma once

#include <nlohmann/json.hpp>

namespace apitoken::portal {

// Removes metadata.managedFields from `object` and returns it in short, in its order: [{manager,
// subresource, at, fields: ["spec.ttl", …]}].
nlohmann::json take_writers(nlohmann::json& object);

}  // namespace apitoken::portal
