// Prints objects of the cluster as JSON, YAML or names, as kubectl does. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.hpp"

namespace apitoken::cli {

// `objects`: JSON from the API server; managedFields are left out. Prints a List, unless there is
// one object and `is_list` is false. `output` is Json, Yaml or Name.
std::string print_objects(const std::vector<std::string>& objects, Output output, bool is_list);

// Block YAML. Quotes strings that YAML would read as another type.
std::string to_yaml(const nlohmann::ordered_json& value);

// "apitoken.apitoken.dev/ci-deploy", as kubectl names it in messages.
std::string full_name(std::string_view name);

}  // namespace apitoken::cli
