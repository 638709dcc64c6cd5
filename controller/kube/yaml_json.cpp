// Turns yaml-cpp's nodes into JSON.
#include "kube/yaml_json.hpp"

#include "kube/yaml_document.hpp"

namespace apitoken::kube {

nlohmann::json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    auto object = nlohmann::json::object();
    for (const auto& member : node) object[member.first.as<std::string>()] = to_json(member.second);
    return object;
  }
  if (node.IsSequence()) {
    auto array = nlohmann::json::array();
    for (const auto& element : node) array.push_back(to_json(element));
    return array;
  }
  if (!node.IsScalar()) return nullptr;
  if (node.Tag() != "!") {
    if (bool value = false; YAML::convert<bool>::decode(node, value)) return value;
    if (std::int64_t value = 0; YAML::convert<std::int64_t>::decode(node, value)) return value;
    if (double value = 0; YAML::convert<double>::decode(node, value)) return value;
  }
  return node.Scalar();
}

Result<std::vector<nlohmann::json>> read_yaml(std::string_view text, std::string_view where) try {
  const auto nodes = TRY(load_yaml(text, where));
  std::vector<nlohmann::json> documents;
  for (const YAML::Node& node : nodes) {
    if (node.IsDefined() && !node.IsNull()) documents.push_back(to_json(node));
  }
  return documents;
} catch (const YAML::Exception& error) {
  return no_yaml(where, error);
}

}  // namespace apitoken::kube
