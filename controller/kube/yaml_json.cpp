// Turns yaml-cpp's nodes into JSON.
#include "kube/yaml_json.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace apitoken::kube {
namespace {

// Aliases let a few lines stand for more nodes than memory holds.
constexpr std::size_t kMostNodes = 200'000;

nlohmann::json to_json(const YAML::Node& node, std::size_t& left) {
  if (left-- == 0) throw YAML::Exception(node.Mark(), "more nodes than a manifest can have; remove the aliases");
  if (node.IsMap()) {
    auto object = nlohmann::json::object();
    for (const auto& member : node) object[member.first.as<std::string>()] = to_json(member.second, left);
    return object;
  }
  if (node.IsSequence()) {
    auto array = nlohmann::json::array();
    for (const auto& element : node) array.push_back(to_json(element, left));
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

}  // namespace

nlohmann::json to_json(const YAML::Node& node) {
  std::size_t left = kMostNodes;
  return to_json(node, left);
}

Result<std::vector<nlohmann::json>> read_yaml(std::string_view text, std::string_view where) try {
  std::vector<nlohmann::json> documents;
  for (const YAML::Node& node : YAML::LoadAll(std::string(text))) {
    if (node.IsDefined() && !node.IsNull()) documents.push_back(to_json(node));
  }
  return documents;
} catch (const YAML::Exception& error) {
  return fail(ErrorKind::Invalid, fmt::format("{}: no YAML, line {}: {}", where, error.mark.line + 1, error.msg));
}

}  // namespace apitoken::kube
