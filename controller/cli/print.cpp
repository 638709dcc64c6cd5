// Prints objects as JSON, YAML and names.
#include "cli/print.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/yaml_text.hpp"

namespace apitoken::cli {
namespace {

using Tree = nlohmann::ordered_json;

Tree parsed(const std::string& object) {
  Tree tree = Tree::parse(object, nullptr, false);
  if (tree.is_object() && tree.contains("metadata") && tree["metadata"].is_object())
    tree["metadata"].erase("managedFields");
  return tree;
}

}  // namespace

std::string full_name(std::string_view name) {
  return fmt::format("apitoken.apitoken.dev/{}", name);
}

std::string print_objects(const std::vector<std::string>& objects, Output output, bool is_list) {
  Tree shown = Tree::array();
  for (const auto& object : objects) shown.push_back(parsed(object));
  if (output == Output::Name) {
    std::string names;
    for (const auto& object : shown)
      names += full_name(object["metadata"].value("name", "")) + "\n";
    return names;
  }
  Tree whole = is_list || shown.size() != 1 ? Tree{{"apiVersion", "v1"},
                                                   {"kind", "List"},
                                                   {"metadata", Tree::object()},
                                                   {"items", shown}}
                                            : shown.front();
  if (output == Output::Yaml) return core::to_yaml(whole);
  return whole.dump(4, ' ', false, Tree::error_handler_t::replace) + "\n";
}

}  // namespace apitoken::cli
