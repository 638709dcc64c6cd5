// Turns the FieldsV1 of managedFields into paths of fields.
#include "portal/writers.hpp"

#include "portal/json_text.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFields = 200;
constexpr int kMaxDepth = 8;

// "f:" begins the name of a field. Keys of lists ("k:", "v:", "i:") are left out: the list counts
// as written.
void add_paths(const json& fields, const std::string& path, int depth, json& paths) {
  bool leaf = true;
  for (const auto& [key, inner] : fields.items()) {
    if (!key.starts_with("f:") || !inner.is_object() || depth == kMaxDepth) continue;
    leaf = false;
    const auto name = key.substr(2);
    // A label's or annotation's key has dots of its own, so it ends the path.
    add_paths(inner, path.empty() ? name : path + "." + name, depth + 1, paths);
  }
  if (leaf && !path.empty() && paths.size() < kMaxFields) paths.push_back(path);
}

}  // namespace

json take_writers(json& object) {
  json writers = json::array();
  if (!object.is_object() || !object.contains("metadata")) return writers;
  auto& metadata = object["metadata"];
  const auto managed = metadata.is_object() ? metadata.find("managedFields") : metadata.end();
  if (managed == metadata.end()) return writers;
  if (managed->is_array()) {
    for (const auto& entry : *managed) {
      if (!entry.is_object()) continue;
      json fields = json::array();
      if (const auto tree = entry.find("fieldsV1"); tree != entry.end() && tree->is_object())
        add_paths(*tree, "", 0, fields);
      writers.push_back({{"manager", text_at(entry, "/manager")},
                         {"subresource", text_at(entry, "/subresource")},
                         {"at", text_at(entry, "/time")},
                         {"fields", std::move(fields)}});
    }
  }
  metadata.erase("managedFields");
  return writers;
}

}  // namespace apitoken::portal
