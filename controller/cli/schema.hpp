// A manifest against the schema of its CRD: fields that do not exist, are missing, or have the
// wrong type or an unknown value. What CEL rules say, core/ says. Pure; any thread.
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

// `crd`: the YAML of a CustomResourceDefinition. metadata and status are not looked at.
std::vector<SchemaProblem> check_schema(const nlohmann::json& manifest, std::string_view crd);

}  // namespace apitoken::cli
