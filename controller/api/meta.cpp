// Decodes and encodes metav1.
#include "api/meta.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {

Result<ObjectVersion> peek_version(Json object) {
  const auto metadata = member(object, "metadata");
  if (!metadata) return fail(ErrorKind::Decode, "an object without metadata");
  const auto view = [&](std::string_view name) {
    std::string_view text;
    const auto found = member(*metadata, name);
    return found && found->get(text) == simdjson::SUCCESS ? text : std::string_view();
  };
  const ObjectVersion version{view("namespace"), view("name"), view("uid"),
                              view("resourceVersion")};
  if (version.name.empty() || version.uid.empty() || version.resource_version.empty()) {
    return fail(ErrorKind::Decode,
                fmt::format("object \"{}{}{}\" lacks name, uid or resourceVersion", version.ns,
                            version.ns.empty() ? "" : "/", version.name));
  }
  return version;
}

Result<ObjectMeta> decode_meta(Json object) {
  const auto version = TRY(peek_version(object));
  const auto metadata = member(object, "metadata");
  ObjectMeta meta;
  meta.ns = version.ns;
  meta.name = version.name;
  meta.uid = version.uid;
  meta.resource_version = version.resource_version;
  meta.generation = read_integer(*metadata, "generation", "").value_or(0);
  meta.created = read_time(*metadata, "creationTimestamp");
  meta.deleted = read_time(*metadata, "deletionTimestamp");
  meta.labels = read_string_map(*metadata, "labels", "metadata.labels");
  meta.annotations = read_string_map(*metadata, "annotations", "metadata.annotations");
  meta.annotations.erase("kubectl.kubernetes.io/last-applied-configuration");
  for (const Json owner : read_array(*metadata, "ownerReferences")) {
    meta.owners.push_back({read_string(owner, "apiVersion", "").value_or(""),
                           read_string(owner, "kind", "").value_or(""),
                           read_string(owner, "name", "").value_or(""),
                           read_string(owner, "uid", "").value_or("")});
  }
  return meta;
}

Result<PartialObject> decode_partial_object(Json object) {
  return PartialObject{TRY(decode_meta(object))};
}

namespace {

std::string_view read_word(Json object, std::string_view name) {
  std::string_view text;
  const auto found = member(object, name);
  if (!found || found->get(text) != simdjson::SUCCESS) return condition::kUnknown;
  const auto known = std::ranges::find(kConditionWords, text);
  return known == std::end(kConditionWords) ? condition::kUnknown : *known;
}

}  // namespace

std::vector<Condition> decode_conditions(Json status) {
  std::vector<Condition> conditions;
  for (const Json item : read_array(status, "conditions")) {
    conditions.push_back({read_word(item, "type"), read_word(item, "status"),
                          read_word(item, "reason"), read_string(item, "message", "").value_or(""),
                          read_time(item, "lastTransitionTime").value_or(WallTime{}),
                          read_integer(item, "observedGeneration", "").value_or(0)});
  }
  return conditions;
}

nlohmann::json encode_conditions(const std::vector<Condition>& conditions) {
  auto result = nlohmann::json::array();
  for (const Condition& condition : conditions) {
    result.push_back({{"type", condition.type},
                      {"status", condition.status},
                      {"reason", condition.reason},
                      {"message", condition.message},
                      {"lastTransitionTime", format_rfc3339(condition.last_transition)},
                      {"observedGeneration", condition.observed_generation}});
  }
  return result;
}

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto found = std::ranges::find(conditions, type, &Condition::type);
  return found == conditions.end() ? nullptr : &*found;
}

void set_condition(std::vector<Condition>& conditions, Condition condition) {
  const auto found = std::ranges::find(conditions, condition.type, &Condition::type);
  if (found == conditions.end()) {
    conditions.push_back(std::move(condition));
    return;
  }
  if (found->status == condition.status) condition.last_transition = found->last_transition;
  *found = std::move(condition);
}

void remove_condition(std::vector<Condition>& conditions, std::string_view type) {
  std::erase_if(conditions, [&](const Condition& condition) { return condition.type == type; });
}

std::optional<LabelSelector> decode_selector(Json spec, std::string_view name,
                                             std::string_view path, Problems* problems) {
  const auto found = read_object(spec, name, path, problems);
  if (!found) return {};
  LabelSelector selector;
  selector.match_labels =
      read_string_map(*found, "matchLabels", fmt::format("{}.matchLabels", path), problems);
  const auto where = fmt::format("{}.matchExpressions", path);
  for (const Json item : read_array(*found, "matchExpressions", where, problems)) {
    selector.match_expressions.push_back(
        {read_string(item, "key", where, problems).value_or(""),
         read_string(item, "operator", where, problems).value_or(""),
         read_string_list(item, "values", where, problems)});
  }
  return selector;
}

}  // namespace apitoken::api
