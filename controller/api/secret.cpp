// Decodes Secrets, and encodes Secrets and patches of them.
#include "api/secret.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "base/base64.hpp"

namespace apitoken::api {
namespace {

// Collects the field names below `path`; managedFields writes a field as "f:<name>".
void collect_keys(Json entry, std::initializer_list<std::string_view> path,
                  std::vector<std::string>& keys) {
  auto at = member(entry, "fieldsV1");
  for (const std::string_view step : path) at = at ? member(*at, step) : std::nullopt;
  simdjson::dom::object members;
  if (!at || at->get(members) != simdjson::SUCCESS) return;
  for (const auto field : members) {
    if (field.key.starts_with("f:")) keys.emplace_back(field.key.substr(2));
  }
}

bool is_operators_own(std::string_view name) {
  return name == kManagedByLabel || name.starts_with(kAnnotationPrefix);
}

nlohmann::json encode_owners(const std::vector<OwnerReference>& owners) {
  auto references = nlohmann::json::array();
  for (const OwnerReference& owner : owners) {
    references.push_back({{"apiVersion", owner.api_version},
                          {"kind", owner.kind},
                          {"name", owner.name},
                          {"uid", owner.uid},
                          {"controller", true},
                          {"blockOwnerDeletion", false}});
  }
  return references;
}

nlohmann::json precondition(const ObjectMeta& at) {
  return {{"uid", at.uid}, {"resourceVersion", at.resource_version}};
}

// Adds `"data":{key:value}` in front of the members of `object`. Writes the JSON by hand: nlohmann
// would copy the values, and nothing would wipe those copies.
SecretString with_data(const nlohmann::json& object, std::span<const DataChange> data) {
  const std::string rest = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::size_t size = rest.size() + 16;
  for (const auto& [key, value] : data)
    size += key.size() * 6 + (value ? value->size() / 3 * 4 : 0) + 16;
  std::string body;
  body.reserve(size);  // growth would leave unwiped copies
  body.append("{\"data\":{");
  for (const auto& [key, value] : data) {
    if (body.back() != '{') body.append(",");
    body.append(nlohmann::json(key).dump()).append(":");
    if (value) {
      const SecretString encoded(base64_encode(value->reveal()));
      body.append("\"").append(encoded.reveal()).append("\"");
    } else {
      body.append("null");
    }
  }
  body.append("},").append(rest, 1);
  return SecretString(std::move(body));
}

}  // namespace

Result<SecretMeta> decode_secret_meta(Json object) {
  SecretMeta secret;
  secret.meta = TRY(decode_meta(object));
  for (const Json entry : read_array(*member(object, "metadata"), "managedFields")) {
    const bool ours = read_string(entry, "manager", "") == kFieldManager;
    collect_keys(entry, {"f:data"}, ours ? secret.data_keys_ours : secret.data_keys_others);
    if (!ours) continue;
    collect_keys(entry, {"f:metadata", "f:labels"}, secret.label_keys_ours);
    collect_keys(entry, {"f:metadata", "f:annotations"}, secret.annotation_keys_ours);
  }
  std::erase_if(secret.label_keys_ours, is_operators_own);
  std::erase_if(secret.annotation_keys_ours, is_operators_own);
  return secret;
}

std::optional<SecretString> decode_secret_value(Json secret, std::string_view key) {
  const auto data = member(secret, "data");
  const auto found = data ? member(*data, key) : std::nullopt;
  std::string_view encoded;
  if (!found || found->get(encoded) != simdjson::SUCCESS) return {};
  auto decoded = base64_decode(encoded);
  if (!decoded) return {};
  return SecretString(std::move(*decoded));
}

SecretData decode_secret_data(Json secret) {
  SecretData result;
  const auto data = member(secret, "data");
  simdjson::dom::object members;
  if (!data || data->get(members) != simdjson::SUCCESS) return result;
  for (const auto field : members) {
    std::string_view encoded;
    if (field.value.get(encoded) != simdjson::SUCCESS) continue;
    if (auto decoded = base64_decode(encoded))
      result.emplace(field.key, SecretString(std::move(*decoded)));
  }
  return result;
}

bool is_immutable(Json secret) {
  const auto immutable = member(secret, "immutable");
  bool value = false;
  return immutable && immutable->get(value) == simdjson::SUCCESS && value;
}

SecretString encode_new_secret(const ObjectMeta& meta, std::span<const DataChange> data) {
  const nlohmann::json object{{"apiVersion", "v1"},
                              {"kind", "Secret"},
                              {"type", "Opaque"},
                              {"metadata",
                               {{"namespace", meta.ns},
                                {"name", meta.name},
                                {"labels", meta.labels},
                                {"annotations", meta.annotations},
                                {"ownerReferences", encode_owners(meta.owners)}}}};
  return with_data(object, data);
}

SecretString encode_new_secret(const ObjectMeta& meta, std::string_view key,
                               const SecretString& value) {
  return encode_new_secret(meta, std::array{DataChange{key, &value}});
}

SecretString encode_value_patch(const ObjectMeta& at, std::span<const DataChange> data,
                                const ObjectMeta& desired) {
  auto metadata = precondition(at);
  metadata["labels"] = desired.labels;
  metadata["annotations"] = desired.annotations;
  if (!desired.owners.empty()) metadata["ownerReferences"] = encode_owners(desired.owners);
  return with_data(nlohmann::json{{"metadata", std::move(metadata)}}, data);
}

std::string encode_metadata_patch(const ObjectMeta& at, const StringChanges& labels,
                                  const StringChanges& annotations,
                                  const std::vector<std::string>& keys_gone,
                                  const std::vector<OwnerReference>& owners) {
  const auto changes = [](const StringChanges& names) {
    auto result = nlohmann::json::object();
    for (const auto& [name, value] : names)
      result[name] = value ? nlohmann::json(*value) : nlohmann::json();
    return result;
  };
  auto metadata = precondition(at);
  if (!labels.empty()) metadata["labels"] = changes(labels);
  if (!annotations.empty()) metadata["annotations"] = changes(annotations);
  if (!owners.empty()) metadata["ownerReferences"] = encode_owners(owners);
  nlohmann::json patch{{"metadata", std::move(metadata)}};
  for (const std::string& key : keys_gone) patch["data"][key] = nullptr;
  return patch.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace apitoken::api
