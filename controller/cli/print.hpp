// Objects of the cluster as JSON, YAML or names, in the shape that kubectl gives them. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.hpp"

namespace apitoken::cli {

// `objects`: the JSON of each as the API server sent it; managedFields are left out. One object
// stands by itself, as does a single one of a list only where `is_list` is false. `output` is Json,
// Yaml or Name.
std::string print_objects(const std::vector<std::string>& objects, Output output, bool is_list);

// "apitoken.apitoken.dev/ci-deploy", as kubectl names it in messages.
std::string full_name(std::string_view name);

}  // namespace apitoken::cli
