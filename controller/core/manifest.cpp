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

Tree secret_of(const TokenDraft::Secret& draft) {
  Tree secret = Tree::object();
  set(secret, "name", draft.name);
  set(secret, "key", draft.key);
  set(secret, "labels", draft.labels);
  set(secret, "annotations", draft.annotations);
  set(secret, "encryptTo", draft.encrypt_to);
  set(secret, "deleteAfter", draft.delete_after);
  return secret;
}

Tree rotation_of(const TokenDraft::Rotation& draft) {
  Tree rotation = Tree::object();
  set(rotation, "policy", draft.policy);
  set(rotation, "before", draft.before);
  set(rotation, "overlap", draft.overlap);
  return rotation;
}

}  // namespace

Tree make_manifest(const TokenDraft& draft) {
  Tree spec = Tree::object();
  set(spec, "user", draft.user);
  set(spec, "description", draft.description);
  set(spec, "type", draft.type);
  set(spec, "ttl", draft.ttl);
  set(spec, "format", draft.format);
  set(spec, "groups", draft.groups);
  set(spec, "scopes", draft.scopes);
  set(spec, "audiences", draft.audiences);
  set(spec, "secret", secret_of(draft.secret));
  set(spec, "rotation", rotation_of(draft.rotation));
  set(spec, "ttlAfterExpired", draft.ttl_after_expired);
  Tree object = {{"apiVersion", api::kApiVersion}, {"kind", api::kApiTokenKind}};
  object["metadata"] = {{"name", draft.name}, {"namespace", draft.ns}};
  object["spec"] = std::move(spec);
  return object;
}

}  // namespace apitoken::core
