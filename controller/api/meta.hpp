// metav1 as far as the operator reads or writes it: object metadata, conditions, label selectors.
// Plain values. Source:
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.hpp"

namespace apitoken::api {

// Names one object within its kind. Cluster-scoped objects have an empty ns.
struct ObjectKey {
  std::string ns;
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
  // "ns/name", or "name" for cluster-scoped objects.
  std::string text() const { return ns.empty() ? name : ns + "/" + name; }
};

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;

  bool operator==(const OwnerReference&) const = default;
};

struct ObjectMeta {
  std::string ns;
  std::string name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  std::optional<WallTime> created;
  std::optional<WallTime> deleted;  // deletionTimestamp: the object is on its way out
  StringMap labels;
  StringMap annotations;  // without kubectl's last-applied-configuration, which can be as large as
                          // the object
  std::vector<OwnerReference> owners;

  bool operator==(const ObjectMeta&) const = default;
  ObjectKey key() const { return {ns, name}; }
};

// What tells one version of an object from another; views into the JSON.
struct ObjectVersion {
  std::string_view ns;
  std::string_view name;
  std::string_view uid;
  std::string_view resource_version;
};
// Errors: as decode_meta.
Result<ObjectVersion> peek_version(Json object);

// Reads `metadata` of an object. Errors: Decode where name, uid or resourceVersion are missing.
Result<ObjectMeta> decode_meta(Json object);

// An object of which only the metadata matters: namespaces, the Secrets of the operator's own
// namespace.
struct PartialObject {
  ObjectMeta meta;

  bool operator==(const PartialObject&) const = default;
};
Result<PartialObject> decode_partial_object(Json object);

struct Condition {
  // Words of names.hpp, which live for ever; reading a word that is not there gives "Unknown".
  std::string_view type;
  std::string_view status;  // True, False or Unknown
  std::string_view reason;
  std::string message;
  WallTime last_transition{};
  std::int64_t observed_generation = 0;

  bool operator==(const Condition&) const = default;
};

std::vector<Condition> decode_conditions(Json status);
nlohmann::json encode_conditions(const std::vector<Condition>& conditions);
const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type);
// Puts `condition` in place of the one of its type; last_transition stays where the status did not
// change.
void set_condition(std::vector<Condition>& conditions, Condition condition);
// Takes the condition of that type out; without one it does nothing.
void remove_condition(std::vector<Condition>& conditions, std::string_view type);

struct LabelRequirement {
  std::string key;
  std::string op;  // In, NotIn, Exists, DoesNotExist
  std::vector<std::string> values;

  bool operator==(const LabelRequirement&) const = default;
};

// A selector without requirements matches everything.
struct LabelSelector {
  StringMap match_labels;
  std::vector<LabelRequirement> match_expressions;

  bool operator==(const LabelSelector&) const = default;
};

std::optional<LabelSelector> decode_selector(Json spec, std::string_view name,
                                             std::string_view path, Problems* problems);

}  // namespace apitoken::api
