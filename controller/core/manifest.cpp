// Builds ApiTokens.
#include "core/manifest.hpp"

#include <nlohmann/json.hpp>

#include "api/names.hpp"

namespace apitoken::core {
namespace {

using Tree = nlohmann::ordered_json;

void set(Tree& object, const char* field, const std::string& value) {
  if (!value.empty()) object[field] = value;
}

void set(Tree& object, const char* field, const std::vector<std::string>& values) {
  if (!values.empty()) object[field] = values;
}

void set(Tree& object, const char* field, const api::StringMap& values) {
  for (const auto& [key, value] : values) object[field][key] = value;
}

void set(Tree& object, const char* field, Tree inner) {
  if (!inner.empty()) object[field] = std::move(inner);
}

Tree secret_of(const TokenRequest::Secret& request) {
  Tree secret = Tree::object();
  set(secret, "name", request.name);
  set(secret, "key", request.key);
  set(secret, "labels", request.labels);
  set(secret, "annotations", request.annotations);
  set(secret, "encryptTo", request.encrypt_to);
  set(secret, "deleteAfter", request.delete_after);
  return secret;
}

Tree rotation_of(const TokenRequest::Rotation& request) {
  Tree rotation = Tree::object();
  set(rotation, "policy", request.policy);
  set(rotation, "before", request.before);
  set(rotation, "overlap", request.overlap);
  return rotation;
}

}  // namespace

Tree make_manifest(const TokenRequest& request) {
  Tree spec = Tree::object();
  set(spec, "user", request.user);
  set(spec, "description", request.description);
  set(spec, "type", request.type);
  set(spec, "ttl", request.ttl);
  set(spec, "format", request.format);
  set(spec, "groups", request.groups);
  set(spec, "scopes", request.scopes);
  set(spec, "audiences", request.audiences);
  set(spec, "secret", secret_of(request.secret));
  set(spec, "rotation", rotation_of(request.rotation));
  set(spec, "ttlAfterExpired", request.ttl_after_expired);
  Tree object = {{"apiVersion", api::kApiVersion}, {"kind", api::kApiTokenKind}};
  object["metadata"] = {{"name", request.name}, {"namespace", request.ns}};
  set(object["metadata"], "labels", request.labels);
  object["spec"] = std::move(spec);
  return object;
}

}  // namespace apitoken::core
