// Walks through a manifest and its schema together.
#include "cli/schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/nearest.hpp"
#include "core/plain_text.hpp"
#include "kube/yaml_json.hpp"

namespace apitoken::cli {
namespace {

using Json = nlohmann::json;
using Problems = std::vector<SchemaProblem>;

std::string shown(std::string_view text) { return core::cut_text(core::plain_text(text), 64); }

std::string joined(const std::string& path, const std::string& name) {
  return path.empty() ? shown(name) : fmt::format("{}.{}", path, shown(name));
}

bool fits(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  return type != "number" || value.is_number();
}

const char* described(const std::string& type) {
  if (type == "object") return "a map";
  if (type == "array") return "a list";
  if (type == "string") return "a string; put it in quotes";
  if (type == "boolean") return "true or false";
  return type == "integer" ? "a whole number" : "a number";
}

void walk(const Json& value, const Json& schema, const std::string& path, Problems& problems);

void check_unknown(const std::string& name, const Json& properties, const std::string& path,
                   Problems& problems) {
  std::vector<std::string> known;
  for (const auto& [each, unused] : properties.items()) known.push_back(each);
  const auto near = near_word(name, known);
  problems.push_back({joined(path, name),
                      near ? fmt::format("does not exist; did you mean {}?", *near)
                           : fmt::format("does not exist; there is {}", fmt::join(known, ", "))});
}

void walk_object(const Json& value, const Json& schema, const std::string& path,
                 Problems& problems) {
  for (const auto& name : schema.value("required", Json::array())) {
    const auto text = name.get<std::string>();
    if (!value.contains(text)) problems.push_back({joined(path, text), "is missing"});
  }
  const bool free_names = schema.contains("additionalProperties");
  if (!schema.contains("properties") && !free_names) return;
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, member] : value.items()) {
    if (path.empty() && (name == "metadata" || name == "status")) continue;
    if (properties.contains(name)) {
      walk(member, properties[name], joined(path, name), problems);
    } else if (free_names) {
      walk(member, schema["additionalProperties"], joined(path, name), problems);
    } else {
      check_unknown(name, properties, path, problems);
    }
  }
}

void walk(const Json& value, const Json& schema, const std::string& path, Problems& problems) {
  if (value.is_null() || !schema.is_object()) return;  // null counts as absent
  const auto type = schema.value("type", "");
  if (!fits(value, type)) {
    problems.push_back({path, fmt::format("must be {}", described(type))});
    return;
  }
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end()) {
    problems.push_back(
        {path, fmt::format("{} is not allowed; use one of {}",
                           shown(value.dump(-1, ' ', false, Json::error_handler_t::replace)),
                           fmt::join(schema["enum"].get<std::vector<std::string>>(), ", "))});
  }
  if (value.is_array() && schema.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i)
      walk(value[i], schema["items"], fmt::format("{}[{}]", path, i), problems);
  }
  if (value.is_object()) walk_object(value, schema, path, problems);
}

}  // namespace

std::vector<SchemaProblem> check_schema(const Json& manifest, std::string_view crd) {
  const auto documents = kube::read_yaml(crd, "CustomResourceDefinition");
  Problems problems;
  if (documents && !documents->empty()) {
    const Json::json_pointer schema("/spec/versions/0/schema/openAPIV3Schema");
    walk(manifest, documents->front().value(schema, Json::object()), "", problems);
  }
  return problems;
}

}  // namespace apitoken::cli
