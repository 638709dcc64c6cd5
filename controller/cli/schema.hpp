// Checks a manifest against the schema of its CRD: fields that do not exist, are missing, or have a
// wrong type or value. Does not check CEL rules: core/validate does. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace apitoken::cli {

struct SchemaProblem {
  std::string path;  // "spec.ttl"
  std::string text;  // "must be a string"
};

// `crd`: the YAML of a CustomResourceDefinition. Ignores metadata and status.
std::vector<SchemaProblem> check_schema(const nlohmann::json& manifest, std::string_view crd);

}  // namespace apitoken::cli
