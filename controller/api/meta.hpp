// The parts of metav1 that the operator reads or writes: metadata, conditions, selectors. Values.
// Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.hpp"

namespace apitoken::api {

// Names one object of a kind. ns is empty for cluster-scoped objects.
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
  std::optional<WallTime> deleted;  // deletionTimestamp: the object is being deleted
  StringMap labels;
  StringMap annotations;  // without last-applied-configuration of kubectl, a copy of the object
  std::vector<OwnerReference> owners;

  bool operator==(const ObjectMeta&) const = default;
  ObjectKey key() const { return {ns, name}; }
};

// Identifies one version of an object. Views into the JSON.
struct ObjectVersion {
  std::string_view ns;
  std::string_view name;
  std::string_view uid;
  std::string_view resource_version;
};
// Errors: as decode_meta().
Result<ObjectVersion> peek_version(Json object);

// Decodes `metadata` of an object. Errors: Decode if name, uid or resourceVersion is missing.
Result<ObjectMeta> decode_meta(Json object);

// An object whose metadata alone is read: a namespace, a Secret in the operator's namespace.
struct PartialObject {
  ObjectMeta meta;

  bool operator==(const PartialObject&) const = default;
};
Result<PartialObject> decode_partial_object(Json object);

struct Condition {
  // Views of constants in names.hpp. Any other word of an object is decoded as "Unknown".
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
// Null if there is none.
const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type);
// Adds the condition, or replaces the one of its type. Keeps last_transition if the status is
// equal.
void set_condition(std::vector<Condition>& conditions, Condition condition);
// Removes the condition of that type, if any.
void remove_condition(std::vector<Condition>& conditions, std::string_view type);

struct LabelRequirement {
  std::string key;
  std::string op;  // In, NotIn, Exists, DoesNotExist
  std::vector<std::string> values;

  bool operator==(const LabelRequirement&) const = default;
};

// A selector without requirements matches all objects.
struct LabelSelector {
  StringMap match_labels;
  std::vector<LabelRequirement> match_expressions;

  bool operator==(const LabelSelector&) const = default;
};

std::optional<LabelSelector> decode_selector(Json spec, std::string_view name,
                                             std::string_view path, Problems* problems);

}  // namespace apitoken::api
