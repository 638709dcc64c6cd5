// Converts YAML to JSON as the API server does, for manifests and for the parts of a kubeconfig
// that exec plugins receive. Pure; any thread. yaml-cpp's exceptions end in read_yaml(); to_json()
// lets them pass.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace YAML {
class Node;
}

namespace apitoken::kube {

// Plain scalars become booleans and numbers if they look so; quoted ones stay strings. `node` comes
// from load_yaml() and is therefore within its limits.
nlohmann::json to_json(const YAML::Node& node);

// All documents of `text` without the empty ones. Errors: those of load_yaml().
Result<std::vector<nlohmann::json>> read_yaml(std::string_view text, std::string_view where);

}  // namespace apitoken::kube
