// JSON as block YAML, for people to read and to keep in files: the plugin prints it, the portal
// shows it. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace apitoken::core {

// Strings that YAML would take for something else are quoted.
std::string to_yaml(const nlohmann::ordered_json& value);

}  // namespace apitoken::core
