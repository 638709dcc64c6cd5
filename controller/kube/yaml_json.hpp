// YAML as the JSON that it stands for: what the API server would make of a manifest, and of the
// parts of a kubeconfig that are handed on. Pure; any thread. yaml-cpp's exceptions end in
// read_yaml(); to_json() lets them pass.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace YAML {
class Node;
}

namespace apitoken::kube {

// Plain scalars become what they look like, quoted ones stay strings. `node` is one of
// load_yaml()'s, hence bounded.
nlohmann::json to_json(const YAML::Node& node);

// Every document of `text`, empty ones left out. Errors: those of load_yaml(); `where` begins the
// message.
Result<std::vector<nlohmann::json>> read_yaml(std::string_view text, std::string_view where);

}  // namespace apitoken::kube
