// GET /api/about: versions, and whether the cluster's CRDs have the fields that the pages use. The
// fields come from the API server's OpenAPI document, which everybody may read; many viewers may
// not read CRDs.
#include "portal/about.hpp"

#include <fmt/format.h>

#include <array>
#include <set>

#include "api/names.hpp"
#include "portal/assets.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;

struct Kind {
  std::string_view crd;
  std::string_view kind;
  std::span<const std::string_view> fields;
};

constexpr std::array<Kind, 2> kKinds{
    {{"apitokens.apitoken.dev", api::kApiTokenKind, kTokenFields},
     {"tokenexpiryconfigs.apitoken.dev", api::kConfigKind, kConfigFields}}};

// "spec.secret" and "spec.secret.name", as deep as objects go; lists end a path.
void add_fields(const json& schema, const std::string& path, std::set<std::string>& fields) {
  const auto properties = schema.find("properties");
  if (properties == schema.end() || !properties->is_object()) return;
  for (const auto& [name, inner] : properties->items()) {
    const auto here = path + "." + name;
    fields.insert(here);
    if (inner.is_object() && !here.ends_with("Selector")) add_fields(inner, here, fields);
  }
}

// The schema of a kind, found by its x-kubernetes-group-version-kind.
const json* find_schema(const json& document, std::string_view kind) {
  const auto components = document.find("components");
  if (components == document.end() || !components->contains("schemas")) return nullptr;
  for (const auto& [name, schema] : components->at("schemas").items()) {
    const auto kinds = schema.value("x-kubernetes-group-version-kind", json::array());
    for (const auto& one : kinds) {
      if (one.value("kind", "") == kind && one.value("group", "") == api::kGroup) return &schema;
    }
  }
  return nullptr;
}

json describe(const Kind& kind, const json& document) {
  json described = {
      {"name", kind.crd}, {"version", ""}, {"missing", json::array()}, {"unknown", json::array()}};
  const json* const schema = find_schema(document, kind.kind);
  if (schema == nullptr) return described;
  described["version"] = api::kVersion;
  std::set<std::string> present;
  const auto& properties = schema->value("properties", json::object());
  for (const char* const part : {"spec", "status"}) {
    if (properties.contains(part)) add_fields(properties.at(part), part, present);
  }
  for (const auto field : kind.fields) {
    if (!present.contains(std::string(field))) described["missing"].push_back(field);
  }
  for (const auto& field : present) {
    if (field.starts_with("spec.") &&
        std::ranges::find(kind.fields, std::string_view(field)) == kind.fields.end())
      described["unknown"].push_back(field);
  }
  return described;
}

json licences() {
  json list = json::array();
  for (const auto& [name, version, licence] : embedded_licences())
    list.push_back({{"name", name}, {"version", version}, {"licence", licence}});
  return list;
}

}  // namespace

std::string kubernetes_version(Call& call) {
  const auto body = call.viewer->upstream().get_path("/version", call.stop);
  if (!body) return {};
  const auto version = json::parse(*body, nullptr, false);
  return version.is_object() ? version.value("gitVersion", "") : "";
}

json describe_kinds(std::string_view openapi) {
  const auto document = json::parse(openapi, nullptr, false);
  json crds = json::array();
  if (!document.is_object()) return crds;
  for (const auto& kind : kKinds) crds.push_back(describe(kind, document));
  return crds;
}

Expected<serve::HttpReply> get_about(Call& call) {
  const auto openapi = call.viewer->upstream().get_path(
      fmt::format("/openapi/v3/apis/{}/{}", api::kGroup, api::kVersion), call.stop);
  return json_answer(200, dump(json{{"portal", call.backend.version},
                                    {"kubernetes", kubernetes_version(call)},
                                    {"cluster", call.backend.door.about().value("cluster", "")},
                                    {"crds", openapi ? describe_kinds(*openapi) : json::array()},
                                    {"licences", licences()}}));
}

}  // namespace apitoken::portal
